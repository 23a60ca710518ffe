import json
from pathlib import Path

import numpy as np
import pytest

from lmkit.cli import main
from lmkit.generation.templates import Spelling, Template, mask_text
from lmkit.tokenizers.tokenizer import Tokenizer
from tests.conftest import prose

ALGORITHMS = ["bpe", "unigram", "wordpiece", "word", "character", "byte"]


@pytest.fixture(scope="module", params=ALGORITHMS)
def tokenizer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Tokenizer:
    folder = tmp_path_factory.mktemp(request.param)
    lines = (json.dumps({"id": str(n), "text": text}) for n, text in enumerate(prose(40)))
    (folder / "a.jsonl").write_text("\n".join(lines))
    command = ["train-tokenizer", folder / "a.jsonl", "--output", folder / request.param]
    command += ["--algorithm", request.param, "--vocab-size", "800"]
    assert main([str(argument) for argument in command]) == 0
    return Tokenizer.load(Path(folder / request.param))


def cut(spelling: Spelling, text: str) -> Template:
    return Template.cut(text.split("<mask>"), takes_blanks=spelling.takes_blanks)


def test_the_mask_is_written_as_the_tokenizer_writes_it(tokenizer: Tokenizer) -> None:
    assert mask_text(tokenizer) == "<mask>"


def test_words_are_tokens_with_their_blank_where_they_are(tokenizer: Tokenizer) -> None:
    expected = tokenizer.algorithm in {"unigram", "wordpiece", "wordlevel"}
    if tokenizer.algorithm == "bpe":  # characters and bytes are BPE without merges
        expected = bool(tokenizer.stored["model"]["merges"])
    assert Spelling(tokenizer).takes_blanks == expected


@pytest.mark.parametrize("text", ["The <mask> of the class", "<mask> is", "(<mask>)", "a <mask>"])
def test_what_was_typed_stays_and_blanks_are_neither_doubled_nor_lost(
    tokenizer: Tokenizer, text: str
) -> None:
    spelling = Spelling(tokenizer)
    holed = cut(spelling, text)
    may_V = spelling.may_fill(holed, 0)
    assert may_V.any() and not may_V[tokenizer.special].any()
    before, behind = text.split("<mask>")
    for token in np.flatnonzero(may_V).tolist():
        whole = holed.filled([spelling.text([token], blank=holed.blanks[0])])
        assert whole.startswith(before) and whole.endswith(behind)
        inside = whole[len(before) : len(whole) - len(behind)]
        assert "\N{REPLACEMENT CHARACTER}" not in inside
        if spelling.takes_blanks and not before.endswith(" "):
            assert not inside.startswith(" ") or not inside.strip()


def test_the_text_of_tokens_is_the_text_they_came_from(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode(" the class of objects").tolist()
    assert Spelling(tokenizer).text(ids) == " the class of objects"
    assert Spelling(tokenizer).text([]) == ""


def test_inside_of_a_word_wordpiece_goes_on_with_it(tokenizer: Tokenizer) -> None:
    if tokenizer.algorithm != "wordpiece":
        pytest.skip("another kind of token")
    spelling = Spelling(tokenizer)
    holed = cut(spelling, "class<mask>")
    names = [tokenizer.text_of(int(n)) or "" for n in np.flatnonzero(spelling.may_fill(holed, 0))]
    assert all(name.startswith("##") for name in names)
    number = tokenizer.id_of("##s")
    assert number is not None
    assert holed.filled([spelling.text([number], blank=False)]) == "classs"
