import json
from pathlib import Path

import numpy as np
import pytest

from lmkit.cli import main
from lmkit.generation.templates import SurfaceForms, Template, mask_text
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


def from_parts(spelling: SurfaceForms, text: str) -> Template:
    return Template.from_parts(
        text.split("<mask>"), tokens_include_space=spelling.tokens_include_space
    )


def test_the_mask_has_the_text_of_the_tokenizers_token(tokenizer: Tokenizer) -> None:
    assert mask_text(tokenizer) == ("[MASK]" if tokenizer.algorithm == "wordpiece" else "<mask>")


def test_tokens_that_include_a_space_are_recognized(tokenizer: Tokenizer) -> None:
    expected = tokenizer.algorithm in {"unigram", "wordpiece", "wordlevel"}
    if tokenizer.algorithm == "bpe":  # characters and bytes are BPE without merges
        expected = bool(tokenizer.stored["model"]["merges"])
    assert SurfaceForms(tokenizer).tokens_include_space == expected


@pytest.mark.parametrize("text", ["The <mask> of the class", "<mask> is", "(<mask>)", "a <mask>"])
def test_the_prompt_is_unchanged_and_spaces_are_neither_doubled_nor_lost(
    tokenizer: Tokenizer, text: str
) -> None:
    spelling = SurfaceForms(tokenizer)
    template = from_parts(spelling, text)
    allowed_V = spelling.may_fill_alone(template, 0)
    assert allowed_V.any() and not allowed_V[tokenizer.special].any()
    before, after = text.split("<mask>")
    for token in np.flatnonzero(allowed_V).tolist():
        full_text = template.filled([spelling.text([token], space=template.has_space_before[0])])
        assert full_text.startswith(before) and full_text.endswith(after)
        filled_part = full_text[len(before) : len(full_text) - len(after)]
        assert "\N{REPLACEMENT CHARACTER}" not in filled_part
        if spelling.tokens_include_space and not before.endswith(" "):
            assert not filled_part.startswith(" ") or not filled_part.strip()


def test_the_text_of_tokens_is_the_text_that_was_encoded(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode(" the class of objects").tolist()
    assert SurfaceForms(tokenizer).text(ids) == " the class of objects"
    assert SurfaceForms(tokenizer).text([]) == ""


def test_inside_a_word_wordpiece_continues_it(tokenizer: Tokenizer) -> None:
    if tokenizer.algorithm != "wordpiece":
        pytest.skip("another kind of token")
    spelling = SurfaceForms(tokenizer)
    template = from_parts(spelling, "class<mask>")
    names = [
        tokenizer.text_of(int(n)) or ""
        for n in np.flatnonzero(spelling.may_fill_alone(template, 0))
    ]
    assert all(name.startswith("##") for name in names)
    number = tokenizer.id_of("##s")
    assert number is not None
    assert template.filled([spelling.text([number], space=False)]) == "classs"
