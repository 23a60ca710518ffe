from lmkit.commands.export.export_record import ExportedTokens


def test_a_file_that_was_not_written_is_not_recorded() -> None:
    details = {"separator": None, "tokenizer": "a", "vocabulary_size": 9, "train.bin": 5}
    tokens = ExportedTokens.model_validate(details)
    assert (tokens.train, tokens.validation) == (5, None)
    assert tokens.recorded() == details
