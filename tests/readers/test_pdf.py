from pathlib import Path

import pytest

from tests.readers.reading import documents, outcomes, texts_and_reasons


def pdf(*pages: str) -> bytes:
    """Return a file that follows the smallest example of ISO 32000-1, annex H."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, text in enumerate(pages):
        stream = f"BT /F1 24 Tf 72 720 Td ({text}) Tj ET"
        objects += [
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents "
            f"{5 + 2 * number} 0 R /Resources << /Font << /F1 3 0 R >> >> >>",
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        ]
    body, offsets = "%PDF-1.4\n", []
    for number, inner in enumerate(objects, 1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{inner}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer << /Size {size} /Root 1 0 R >>\n"
    return f"{body}{end}startxref\n{len(body)}\n%%EOF".encode()


def test_the_text_of_all_pages_is_read(tmp_path: Path) -> None:
    pytest.importorskip("pypdfium2")
    (tmp_path / "a.pdf").write_bytes(pdf("Hello World", "Page two"))
    (document,) = documents(tmp_path / "a.pdf")
    assert document.text == "Hello World\n\nPage two"


def test_an_invalid_pdf_is_reported(tmp_path: Path) -> None:
    pytest.importorskip("pypdfium2")
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4 and then nothing")
    assert texts_and_reasons(outcomes(tmp_path / "a.pdf"))[0].startswith("! not a PDF")


def lines(*texts: str) -> str:
    return ") Tj 0 -30 Td (".join(texts)


def test_divided_words_are_joined_and_hyphens_of_words_stay(tmp_path: Path) -> None:
    pytest.importorskip("pypdfium2")
    page = lines("The investi-", "gation of a well-", "known lamp, in co-", "operation")
    (tmp_path / "a.pdf").write_bytes(pdf(page, "This co-operation of 1990-", "two"))
    (document,) = documents(tmp_path / "a.pdf")
    first = document.text.split("\n\n")[0]
    assert first == "The investigation of a well-known lamp, in co-operation"
