"""The tokens that an encoder's sequences hold are those that its exported tokenizer names."""

import json
from pathlib import Path

import numpy as np
import pytest

from lmkit.cli import main
from lmkit.packing.token_rows import TokenSequences
from tests.conftest import FAMILIES, SHAPE, Lmkit, prose

transformers = pytest.importorskip("transformers")
NAMES = {
    "wordpiece": ("[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]"),
    "bpe": ("<s>", "</s>", "<mask>", "<pad>", "<unk>"),
}
TEXTS = prose(60, words=12)


@pytest.fixture(scope="module", params=NAMES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a packed folder, a run on it, and its export."""
    folder = tmp_path_factory.mktemp(request.param)
    lines = (json.dumps({"id": str(n), "text": text}) for n, text in enumerate(TEXTS))
    (folder / "a.jsonl").write_text("\n".join(lines))
    tokenizer = ["--algorithm", request.param, "--vocab-size", "700", "--normalize.lowercase"]
    training = ["--device", "cpu", "--precision", "fp32", "--batch-tokens", "256", "--steps", "3"]
    a, t, p, run, hf = (str(folder / name) for name in ("a.jsonl", "t", "p", "run", "hf"))
    packing = ["--sequence-length", "64", "--packing", "document", "--validation", "0.1"]
    for command in (
        ["train-tokenizer", a, "--output", t, *tokenizer],
        ["pack", a, "--tokenizer", t, "--output", p, *packing],
        ["pretrain", p, "--output", run, *SHAPE, *FAMILIES["bert"], *training],
        ["export", run, "--output", hf],
    ):
        assert main(command) == 0
    return folder


def test_a_text_has_the_ids_of_its_packed_sequence(made: Path) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(made / "hf")
    rows = TokenSequences.open(made / "p" / "train", 64, tokenizer.pad_token_id).read(np.arange(5))
    encoded = [tokenizer(text)["input_ids"] for text in TEXTS]
    for tokens_T, documents_T in zip(rows.tokens_BT, rows.documents_BT, strict=True):
        assert tokens_T[documents_T > 0].tolist() in encoded
        assert tokens_T[0] == tokenizer.cls_token_id
        assert tokens_T[documents_T > 0][-1] == tokenizer.sep_token_id


def test_the_names_are_those_that_users_of_the_algorithm_expect(made: Path) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(made / "hf")
    algorithm = json.loads((made / "t" / "manifest.json").read_text())["config"]["algorithm"]
    names = (tokenizer.cls_token, tokenizer.sep_token, tokenizer.mask_token)
    assert (*names, tokenizer.pad_token, tokenizer.unk_token) == NAMES[algorithm]
    pair = tokenizer("one", "two")["input_ids"]
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    assert pair[0] == cls and pair[-1] == sep and pair.count(sep) == 2


def test_the_pipeline_shows_what_generate_shows(made: Path, lmkit: Lmkit) -> None:
    fill = transformers.pipeline("fill-mask", str(made / "hf"), top_k=500)
    mask = fill.tokenizer.mask_token
    prompt = f"the {mask} of the class"
    # In a byte-level vocabulary the space before a word belongs to the token.
    joined = prompt.replace(f" {mask}", mask) if mask == "<mask>" else prompt
    theirs = {each["token"]: each["score"] for each in fill(joined)}
    exit_code, out, _ = lmkit("generate", made / "run", "--prompt", prompt, "--json")
    assert exit_code == 0
    (span,) = json.loads(out)[0]["spans"]
    ids = [fill.tokenizer.convert_tokens_to_ids(each["token"]) for each in span["alternatives"]]
    assert len(ids) == 5 and ids == sorted(ids, key=lambda each: -theirs[each])
