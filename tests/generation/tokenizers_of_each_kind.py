"""A small tokenizer of every algorithm, and texts in six scripts."""

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from lmkit.cli import main
from lmkit.tokenizers.tokenizer import Tokenizer
from tests.conftest import prose

ALGORITHMS = ("bpe", "unigram", "wordpiece", "word", "character", "byte")
SCRIPTS = {
    "latin": "Überall in the café naïve façade \N{LATIN SMALL LETTER E}\N{COMBINING ACUTE ACCENT}",
    "cyrillic": "Быстрая лиса прыгает через ленивую собаку",
    "chinese": "天地玄黄宇宙洪荒日月盈昃辰宿列张",
    "arabic": "نص عربي قصير مع أرقام ١٢٣ وعلامات",
    "devanagari": "नमस्ते दुनिया यह एक छोटा वाक्य है",
    "emoji": "한국어 문장 👩‍👩‍👧‍👦 🇩🇪 👍🏽 끝",
}


def prompts(count: int) -> list[str]:
    """Return texts of different lengths, in each script in turn."""
    texts = list(SCRIPTS.values())
    return [texts[number % 6][number % 7 : number % 7 + 1 + number % 13] for number in range(count)]


@cache
def tokenizer_of(algorithm: str) -> Tokenizer:
    """Train a tokenizer on English and a little of each script."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        texts = [*prose(12), *SCRIPTS.values()]
        lines = (json.dumps({"id": str(n), "text": text}) for n, text in enumerate(texts))
        (folder / "a.jsonl").write_text("\n".join(lines))
        command = ["train-tokenizer", folder / "a.jsonl", "--output", folder / "tokenizer"]
        command += ["--algorithm", algorithm, "--vocab-size", "900"]
        assert main([str(argument) for argument in command]) == 0
        return Tokenizer.load(folder / "tokenizer")
