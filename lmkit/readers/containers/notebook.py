"""Notebooks of Jupyter (.ipynb): a notebook is a document of its cells, in their order.

The formats: nbformat 4 has `cells`; 3 has `worksheets` with cells, `input` instead of `source`, and
headings as cells of their own (https://nbformat.readthedocs.io).

Choices:
- Text is kept as it is; code stands between fences with its language, as in Markdown; what is raw
  is text. Outputs and attachments are left out: they are what a program wrote.
- A notebook whose cells can't be found is listed; a cell without text is nothing.
"""

from collections.abc import Iterator
from typing import Any, cast

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.readers.file_text import content, decode
from lmkit.readers.reader import Request, new_document, unreadable
from lmkit.storage.byte_ranges import CorruptInput, Range
from lmkit.storage.json_bytes import from_json


def read_notebook(part: Slice, source: Range, request: Request) -> Iterator[Document | Unreadable]:
    """Yield the one document of a notebook."""
    try:
        notebook = _parsed(decode(content(part, source, request), request.reading.encoding))
        language = _language(notebook)
        texts = [_text(cell, language) for cell in _cells(notebook)]
    except CorruptInput as damage:
        yield unreadable(part, damage)
        return
    metadata = {"programming_language": language, "title": _at(notebook, "metadata", "title")}
    known = {name: value for name, value in metadata.items() if isinstance(value, str)}
    yield new_document(part, "\n\n".join(filter(None, texts)), metadata=known)


def _parsed(text: str) -> dict[str, Any]:
    try:
        value = from_json(text.encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise CorruptInput(0, f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise CorruptInput(0, "not a notebook: no object")
    return cast(dict[str, Any], value)


def _cells(notebook: dict[str, Any]) -> Iterator[dict[str, Any]]:
    sheets = notebook.get("worksheets")
    tables = cast(list[Any], sheets) if isinstance(sheets, list) else [notebook]
    for table in tables:
        cells = _at(table, "cells")
        if not isinstance(cells, list):
            raise CorruptInput(0, "not a notebook: no cells")
        for cell in cast(list[Any], cells):
            if not isinstance(cell, dict):
                raise CorruptInput(0, "not a notebook: a cell that is no object")
            yield cast(dict[str, Any], cell)


def _text(cell: dict[str, Any], language: str | None) -> str:
    source = cell.get("source", cell.get("input", ""))
    lines = cast(list[Any], source) if isinstance(source, list) else [source]
    if not all(isinstance(line, str) for line in lines):
        raise CorruptInput(0, "not a notebook: a cell whose source is no text")
    text = "".join(lines).strip("\n")
    if not text.strip():
        return ""
    kind = cell.get("cell_type")
    if kind == "code":
        fence = "```"
        while fence in text:
            fence += "`"
        return f"{fence}{cell.get('language') or language or ''}\n{text}\n{fence}"
    level = cell.get("level")
    if kind == "heading" and isinstance(level, int):
        return f"{'#' * min(max(level, 1), 6)} {text}"
    return text


def _language(notebook: dict[str, Any]) -> str | None:
    for names in (("language_info", "name"), ("kernelspec", "language")):
        found = _at(notebook, "metadata", *names)
        if isinstance(found, str) and found:
            return found
    return None


def _at(value: Any, *names: str) -> Any:
    for name in names:
        value = cast(dict[str, Any], value).get(name) if isinstance(value, dict) else None
    return value
