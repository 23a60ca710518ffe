"""PDF: the text of a file is a document. Needs pypdfium2.

Choices:
- pdfium returns the text in the order of the page's content. It marks hyphens at line ends, and
  doesn't tell whether a word has one: see text/line_end_hyphens.py.
- Ligatures and the forms of Arabic letters, which fonts have as characters, become letters.
- An unreadable page is quarantined alone; a scan without text becomes an empty document, which is
  dropped as such, and counted.
"""

import re
from collections.abc import Iterator
from typing import Any

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.errors import LmkitError
from lmkit.extras import installation
from lmkit.readers.reader import Request, new_document, unreadable
from lmkit.storage.byte_ranges import CorruptInput, Range
from lmkit.text.ligatures import expand_ligatures
from lmkit.text.line_end_hyphens import join_divided_words

# pdfium replaces a hyphen at the end of a line with U+FFFE, or leaves U+0002.
HYPHEN = re.compile(r"[\ufffe\x02]\s*\n?")
MARK = "\x02"
FIELDS = {"Title": "title", "Author": "author", "CreationDate": "date"}


def read_pdf(part: Slice, source: Range, request: Request) -> Iterator[Document | Unreadable]:
    """Yield the one document of a file, and its unreadable parts."""
    try:
        import pypdfium2
    except ImportError:
        message = f"{part.path}: PDF needs pypdfium2"
        raise LmkitError(message, installation("pypdfium2")) from None
    if part.size > request.max_record:
        yield unreadable(part, CorruptInput(0, request.too_long))
        return
    try:
        file: Any = pypdfium2.PdfDocument(source.read(part.size))
    except pypdfium2.PdfiumError as error:
        yield unreadable(part, CorruptInput(0, f"not a PDF: {error}"))
        return
    pages: list[str] = []
    try:
        known = file.get_metadata_dict()
        for number in range(len(file)):
            try:
                page = file[number]
                text_page = page.get_textpage()
                pages.append(text_page.get_text_bounded())
                text_page.close()
                page.close()
            except pypdfium2.PdfiumError as error:
                yield unreadable(part, CorruptInput(0, f"page {number + 1}: {error}"), number)
            if sum(map(len, pages)) > request.max_record:
                yield unreadable(part, CorruptInput(0, request.too_long))
                return
    finally:
        file.close()
    text = "\n\n".join(HYPHEN.sub(MARK, page.replace("\r\n", "\n")).strip() for page in pages)
    text = join_divided_words(expand_ligatures(text), MARK)
    metadata = {name: known.get(key) for key, name in FIELDS.items()}
    yield new_document(part, text, metadata=metadata)
