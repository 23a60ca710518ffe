import json
from pathlib import Path

from lmkit.artifacts.inputs import find_documents
from lmkit.commands.train_tokenizer.options import TrainTokenizerConfig
from lmkit.commands.train_tokenizer.sampled_texts import SampledTexts

EVERYTHING = {"web": 1 << 64}
NOTHING = {"web": 0}


def sampled(training: dict[str, int], report: dict[str, int]) -> SampledTexts:
    lines = [{"text": "one"}, {"text": ""}, {"text": 3}, {"text": "two words"}]
    Path("a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    config = TrainTokenizerConfig(inputs=(Path("a.jsonl"),), output=Path("out"), source="web")
    slices = find_documents(config.inputs, formats=("jsonl",), source="web").slices
    return SampledTexts(config, slices, training, report)


def test_every_iteration_reads_the_texts_again_and_counts_once(here: Path) -> None:
    texts = sampled(EVERYTHING, NOTHING)
    assert [*texts] == [*texts] == ["one", "two words"]
    counts = texts.counts
    assert (counts.documents_in, counts.documents_out, counts.quarantined) == (4, 2, 1)
    assert counts.dropped == {"empty": 1} and counts.more == {"bytes_of_text": 12}
    assert not texts.reported


def test_the_report_has_its_own_sample(here: Path) -> None:
    texts = sampled(NOTHING, EVERYTHING)
    assert [*texts] == [] and texts.reported == {"web": ["one", "two words"]}
    assert texts.counts.dropped == {"empty": 1, "not_drawn": 2}
