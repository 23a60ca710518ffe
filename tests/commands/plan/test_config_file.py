import tomllib

from lmkit.commands.plan.config_file import config_text


def test_a_toml_parser_reads_what_was_written() -> None:
    table = {
        "inputs": ['a "quoted" folder', "back\\slash", "naïve", "\x7f, \x01 and\nmore"],
        "steps": 5,
        "validate_every": None,
        "model": {"layers": 4, "qk_norm": True, "dropout": 0.1},
        "schedule": {},
    }
    text = config_text("pretrain", table, "One line,\nand \x1banother.")
    assert text.startswith("# One line,\n# and \\x1banother.\n")
    expected = table | {"validate_every": "none"}
    del expected["schedule"]
    assert tomllib.loads(text) == {"pretrain": expected}
