from pathlib import Path

import numpy as np
import pytest

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.tasks import PARTIAL, TaskWriter
from lmkit.packing.nanogpt_bin import TokenizedDocument
from lmkit.packing.options import LimitsConfig
from lmkit.packing.sanity_limits import StatisticsBySource
from lmkit.packing.token_shards import Shards, values
from lmkit.packing.tokenize_documents import TokenizeOptions, sample_statistics, write_token_shards
from lmkit.text.digests import document_key, text_key
from lmkit.tokenizers.tokenizer import Tokenizer, save
from tests.conftest import prose
from tests.tokenizers.made import train

TEXTS = prose(8)
DOCUMENTS = [Document(str(n), text, f"source {n % 2}") for n, text in enumerate(TEXTS)]


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> TokenizeOptions:
    folder = tmp_path_factory.mktemp("tokenizer")
    save(train(TEXTS, "bpe", 700), folder)
    limits = LimitsConfig(decode_sample=1.0)
    fingerprint = Tokenizer.load(folder).fingerprint
    return TokenizeOptions(folder, fingerprint, 0, True, True, 0.0, None, limits)


def writer(folder: Path) -> TaskWriter:
    (folder / PARTIAL).mkdir(parents=True)
    return TaskWriter(folder, "train", 0)


def stored(folder: Path) -> list[list[int]]:
    shards = Shards.at(folder / "train")
    tokens, records = values(shards.tokens[0]), values(shards.documents[0])
    return [tokens[r["start"] :][: r["tokens"]].tolist() for r in records]


def test_documents_given_as_tokens_are_stored_like_their_texts(
    options: TokenizeOptions, tmp_path: Path
) -> None:
    tokenizer = Tokenizer.load(options.tokenizer)
    as_tokens = [
        TokenizedDocument(d.id, ids.astype(np.uint16), d.source, Path("a.bin"), 0)
        for d, ids in zip(DOCUMENTS, tokenizer.encode_batch(TEXTS), strict=True)
    ]
    one, two = writer(tmp_path / "one"), writer(tmp_path / "two")
    write_token_shards(DOCUMENTS, options, one)
    write_token_shards([*as_tokens[:3], *DOCUMENTS[3:5], *as_tokens[5:]], options, two)
    assert stored(tmp_path / "one") == stored(tmp_path / "two")
    records = [values(Shards.at(tmp_path / n / "train").documents[0]) for n in ("one", "two")]
    assert records[0].tolist() == records[1].tolist()
    assert records[0]["text"].tolist() == [text_key(text) for text in TEXTS]
    assert records[0]["key"].tolist() == [document_key(0, d.id) for d in DOCUMENTS]
    assert one.counts == two.counts


def test_every_document_is_counted_once_with_its_source(
    options: TokenizeOptions, tmp_path: Path
) -> None:
    task = writer(tmp_path)
    broken = Unreadable("a", "a", 0, 0, "broken")
    write_token_shards([*DOCUMENTS, Document("empty", "", "source 0"), broken], options, task)
    assert (task.counts.documents_in, task.counts.documents_out) == (10, 8)
    assert (task.counts.dropped, task.counts.quarantined) == ({"empty": 1}, 1)
    by_source = StatisticsBySource.total([task.facts["sources"]]).by_source()
    for number, name in enumerate(("source 0", "source 1")):
        counts = by_source[name].counts
        texts = TEXTS[number::2]
        tokens = sum(len(ids) for ids in stored(tmp_path)[number::2])
        assert (counts["documents"], counts["tokens"]) == (4, tokens)
        assert counts["bytes"] == sum(len(text.encode()) for text in texts)
        assert counts["text_tokens"] == tokens - 2 * 4  # BOS and EOS
        assert (counts["decoded"], counts["undecoded"]) == (4, 0)


def test_sample_statistics_read_the_start_of_every_document(options: TokenizeOptions) -> None:
    long = Document("long", "all work and no play " * 10_000, "s")
    counts = sample_statistics([long, *DOCUMENTS], options).by_source()["s"].counts
    assert (counts["documents"], counts["bytes"]) == (1, 20_000)
