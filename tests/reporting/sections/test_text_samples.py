import json
from pathlib import Path

from lmkit.reporting.sections.text_samples import text_samples
from tests.reporting.folders import HOSTILE, data_of, write_run


def test_the_last_texts_of_runs_stand_next_to_each_other(tmp_path: Path) -> None:
    for name in "ab":
        run = write_run(tmp_path / name, [3, 2])
        lines = [
            {"step": step, "prompt": "Red", "text": f"{HOSTILE}{name}{step}", "ended": False}
            for step in (1, 2)
        ]
        (run / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    section = text_samples(data_of(tmp_path))
    assert section and section.content.count("<h3>") == 1 and "<script" not in section.content
    assert section.content.index("a2") < section.content.index("a1") < section.content.index("b2")
    assert section.content.count("<summary>earlier") == 2


def test_without_samples_there_is_no_section(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [3, 2])
    assert text_samples(data_of(tmp_path)) is None
