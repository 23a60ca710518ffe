"""Task files and prompts to ask a run while it trains."""

import json
from pathlib import Path

from tests.conftest import prose

WORDS = ("the object", "a method", "of the class", "which returns", "an integer")


def write_tasks(folder: Path, items: int = 9) -> Path:
    """Write a task of pairs and one of choices, with different numbers of options."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = prose(items, 3)
    pairs = [
        {"sentence_good": text, "sentence_bad": " ".join(reversed(text.split()))} for text in texts
    ]
    choices = [
        {"query": text, "choices": list(WORDS[: 2 + number % 4]), "gold": number % 2}
        for number, text in enumerate(texts)
    ]
    write_lines(folder / "pairs.jsonl", pairs)
    write_lines(folder / "choices.jsonl", choices)
    return folder


def write_lines(path: Path, lines: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def write_prompts(path: Path, *prompts: str) -> Path:
    path.write_text("\n".join(prompts or ("The class", "", "Once upon a time")) + "\n")
    return path
