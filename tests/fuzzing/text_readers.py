"""What reads a stranger's text: the readers of all formats, and what is done to each text."""

import html
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lmkit.deduplication.examples import side_by_side
from lmkit.deduplication.ngram_search import Items
from lmkit.deduplication.shingles import shingles
from lmkit.errors import InputError
from lmkit.filters.english_tokenizer import english_words
from lmkit.filters.judge import Judge
from lmkit.filters.options import FiltersConfig
from lmkit.filters.url_blocklist import host_of
from lmkit.pii.detectors import find
from lmkit.pii.options import PiiConfig
from lmkit.pii.replacement import Replacer
from lmkit.readers.wikipedia import plain_wikitext
from lmkit.text.alphanumerics import letters
from lmkit.text.digests import normal_form
from lmkit.text.document_parts import parts
from lmkit.text.gutenberg import without_gutenberg
from lmkit.text.language_id import identifier_for_process
from lmkit.text.language_names import one_code
from lmkit.text.licence_headers import without_licence
from lmkit.text.line_end_hyphens import join_divided_words
from lmkit.text.normalization import normalize
from lmkit.text.options import NormalizationConfig
from lmkit.text.sentences import sentences
from lmkit.text.surrogates import well_formed
from lmkit.text.text_units import words_of
from lmkit.text.url_normalization import normalized_url
from lmkit.tokenizers.build import train
from lmkit.tokenizers.options import Algorithm
from lmkit.tokenizers.recipe import Recipe
from lmkit.tokenizers.tokenizer import Tokenizer, save
from tests.readers.reading import outcomes

EVERYTHING = NormalizationConfig(
    entities=True,
    unicode="nfkc",
    invisible="all",
    space="collapse",
    quotes="straight",
    dashes="hyphen",
    lowercase=True,
    accents="strip",
)
RULES = FiltersConfig.model_validate({"rules": "basic,gopher,c4-code,fineweb,markup,source-code"})


def _zipped(text: str) -> bytes:
    stream = io.BytesIO()
    container = '<container><rootfiles><rootfile full-path="o.opf"/></rootfiles></container>'
    item = '<item id="a" href="a.html" media-type="application/xhtml+xml"/>'
    package = f'<package><manifest>{item}</manifest><spine><itemref idref="a"/></spine></package>'
    with zipfile.ZipFile(stream, "w") as book:
        book.writestr("mimetype", "application/epub+zip")
        book.writestr("META-INF/container.xml", container)
        book.writestr("o.opf", package)
        book.writestr(
            "a.html", f"<html><body><p>{text}</p></body></html>".encode("utf-8", "replace")
        )
    return stream.getvalue()


def _wiki(text: str) -> str:
    start = (
        "<mediawiki><siteinfo><dbname>enwiki</dbname></siteinfo><page><title>T</title><ns>0</ns>"
    )
    inner = f"<id>1</id><revision><text>{html.escape(text)}</text></revision></page></mediawiki>"
    return start + inner


def _warc(text: str) -> str:
    body = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n{text}"
    length = len(body.encode("utf-8", "replace"))
    return f"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: {length}\r\n\r\n{body}\r\n\r\n"


def _notebook(text: str) -> str:
    cells = [{"cell_type": kind, "source": [text], "metadata": {}} for kind in ("markdown", "code")]
    return json.dumps({"cells": cells, "nbformat": 4, "metadata": {}})


FILES: Mapping[str, tuple[str, Callable[[str], str | bytes]]] = {
    "plain text": ("a.txt", str),
    "source code": ("a.py", str),
    "code of C": ("a.c", str),
    "web page": ("a.html", str),
    "web page, fast": ("a.html", str),
    "web page, all": ("a.html", str),
    "paragraph of a page": ("a.html", lambda text: f"<html><body><p>{text}"),
    "web archive": ("a.warc", _warc),
    "records of an archive": ("a.warc", str),
    "WET": ("a.warc.wet", str),
    "Wikipedia": ("a.xml", _wiki),
    "Wikipedia with tables": ("a.xml", _wiki),
    "XML": ("a.xml", lambda text: f"<mediawiki><page>{text}"),
    "Stack Exchange": (
        "Posts.xml",
        lambda text: f'<posts>\n<row Id="1" Body="{html.escape(text)}"/>',
    ),
    "SubRip": ("a.srt", lambda text: f"1\n00:00:01,000 --> 00:00:02,000\n{text}"),
    "WebVTT": ("a.vtt", lambda text: f"WEBVTT\n\n00:01.000 --> 00:02.000\n{text}"),
    "SubStation": ("a.ass", lambda text: f"[Events]\nFormat: Text\nDialogue: {text}"),
    "TTML": ("a.ttml", lambda text: f"<tt><body><p begin='1s'>{html.escape(text)}</p></body></tt>"),
    "CSV": ("a.csv", lambda text: f"text,n\n{text}"),
    "TSV": ("a.tsv", lambda text: f"text\tn\n{text}"),
    "cell of CSV": ("a.csv", lambda text: f'text,n\n"{text}'),
    "JSON": ("a.json", lambda text: f'[{{"text": "a"}}, {text}'),
    "JSON lines": ("a.jsonl", lambda text: json.dumps({"text": text, "url": text})),
    "threads": ("a.json", lambda text: f'{{"text": "a", "comments": [{{"text": "b"}}, {text}'),
    "notebook": ("a.ipynb", _notebook),
    "EPUB": ("a.epub", _zipped),
}
"""The name of a file of each format, and its content with a text in it."""
READING: Mapping[str, Mapping[str, Any]] = {
    "web page, fast": {"html": "fast"},
    "web page, all": {"html": "all"},
    "Wikipedia with tables": {"wiki_tables": "text"},
}
"""Options of the reader, where they aren't the default."""


@cache
def _tokenizer(algorithm: Algorithm) -> Tokenizer:
    with TemporaryDirectory() as folder:
        save(train([Path(__file__).read_text()], Recipe(algorithm, 1_000)), Path(folder))
        return Tokenizer.load(Path(folder))


@cache
def _test_items() -> Items:
    return Items.of([Path(__file__).read_text(), "a a a a a a a", "one of two, or of more"])[0]


FUNCTIONS: Mapping[str, Callable[[str], object]] = {
    "wikitext": plain_wikitext,
    "personal data": find,
    "sentences of English": lambda text: sentences(well_formed(text), "en"),
    "sentences of Japanese": lambda text: sentences(well_formed(text), "ja"),
    "sentences of Thai": lambda text: sentences(well_formed(text), "th"),
    "parts of documents": lambda text: parts(well_formed(text), 500, "en"),
    "normalization": lambda text: normalize(text, EVERYTHING),
    "usual normalization": lambda text: normalize(text, NormalizationConfig()),
    "licences": lambda text: without_licence(text, "Python"),
    "licences of C": lambda text: without_licence(text, "C"),
    "divided words": lambda text: join_divided_words(text.replace("-", "\x02"), "\x02"),
    "words": words_of,
    "normal form": normal_form,
    "addresses": lambda text: (normalized_url(f"http://a.example/{text}"), host_of(text)),
    "letters": letters,
    "shingles": lambda text: shingles([well_formed(text)]),
    "differences": lambda text: side_by_side(text, f"a {text}"),
    "frames of Gutenberg": without_gutenberg,
    "words of English": english_words,
    "stated language": one_code,
    "filters": lambda text: Judge(RULES).judge([text]),
    "pseudonyms": lambda text: Replacer(PiiConfig(action="pseudonym")).replace(text),
    "language": lambda text: identifier_for_process().probabilities([well_formed(text)]),
    "test items": lambda text: _test_items().find([well_formed(text)]),
    "tokens by BPE": lambda text: _tokenizer("bpe").encode_batch([well_formed(text)]),
    "tokens by Unigram": lambda text: _tokenizer("unigram").encode_batch([well_formed(text)]),
    "tokens by WordPiece": lambda text: _tokenizer("wordpiece").encode_batch([well_formed(text)]),
}


def read(kind: str, text: str, folder: Path) -> None:
    """Read a text as a file of a kind."""
    name, content = FILES[kind]
    inside = content(text)
    data = inside if isinstance(inside, bytes) else inside.encode("utf-8", "surrogatepass")
    path = folder / name
    path.write_bytes(data)
    with suppress(InputError):  # by its first bytes it is in no format
        outcomes(path, max_record=100_000_000, **READING.get(kind, {}))
