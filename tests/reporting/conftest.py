import json
from pathlib import Path

import pytest

from lmkit.cli import main
from tests.conftest import SMALL_RUN, prose
from tests.reporting.folders import HOSTILE


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with work/, which holds a folder of every stage; some documents are hostile."""
    folder = tmp_path_factory.mktemp("pipeline")
    raw = folder / "raw"
    for name, texts in {"books": prose(80), "we<b>b'": prose(120)[80:]}.items():
        (raw / name).mkdir(parents=True)
        lines = [json.dumps({"id": HOSTILE + str(n), "text": t}) for n, t in enumerate(texts)]
        lines += [json.dumps({"id": "short" + HOSTILE, "text": HOSTILE[:20]})]
        (raw / name / "documents.jsonl").write_text("\n".join(lines))
    pairs = [
        {"sentence_good": text, "sentence_bad": " ".join(reversed(text.split()))}
        for text in prose(12, words=4)
    ]
    (folder / "pairs.jsonl").write_text("\n".join(map(json.dumps, pairs)))
    (folder / "prompts.txt").write_text(f"The object\n{HOSTILE[:40]}\n".replace("\x1b", ""))
    small = [*SMALL_RUN, "--steps", "6", "--validate-every", "2", "--seed", "5"]
    samples = ["--sample.prompts", "prompts.txt", "--sample.max-tokens", "8"]
    work = "work/"
    commands: list[list[str]] = [
        *(
            ["clean", f"raw/{path.name}", "--output", f"{work}clean-{number}"]
            for number, path in enumerate(sorted(raw.iterdir()))
        ),
        ["dedup", f"{work}clean-0", f"{work}clean-1", "--output", f"{work}dedup"],
        ["train-tokenizer", f"{work}dedup", "--output", f"{work}tokenizer", "--vocab-size", "600"],
        [
            *("pack", f"{work}dedup", "--tokenizer", f"{work}tokenizer", "--output"),
            *(f"{work}packed", "--sequence-length", "32", "--validation", "0.1"),
        ],
        ["pretrain", f"{work}packed", "--output", f"{work}run", *small, *samples],
        [
            *("eval", f"{work}run", "--data", f"{work}packed", "--task", "pairs.jsonl"),
            *("--output", f"{work}eval"),
        ],
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for command in commands:
            assert main(command) == 0
    return folder
