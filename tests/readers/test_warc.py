import gzip
import io
from pathlib import Path

import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from lmkit.artifacts import inputs as inputs_module
from tests.readers.reading import documents, outcomes, texts_and_reasons

PAGE = "<html lang=fr><title>T</title><meta charset=utf-8><p>{}</p></html>"


def write(path: Path, bodies: list[bytes], content_type: str = "text/html") -> list[int]:
    """Write responses with warcio, an independent writer; return their offsets."""
    starts: list[int] = []
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=path.suffix == ".gz")
        for number, body in enumerate(bodies):
            http = StatusAndHeaders("200 OK", [("Content-Type", content_type)], protocol="HTTP/1.0")
            url = f"http://example.com/{number}"
            record = writer.create_warc_record(
                url, "response", payload=io.BytesIO(body), http_headers=http
            )
            starts.append(file.tell())
            writer.write_record(record)
    return starts


def pages(count: int) -> list[bytes]:
    return [PAGE.format(f"This is page number {n}.").encode() for n in range(count)]


def sentence(number: int) -> str:
    return f"This is page number {number}."


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_responses_are_documents_with_their_urls(tmp_path: Path, name: str) -> None:
    starts = write(tmp_path / name, pages(3))
    found = documents(tmp_path / name)
    assert [document.text.split("\n")[-1] for document in found] == [sentence(n) for n in range(3)]
    assert [document.metadata["offset"] for document in found] == starts
    metadata = found[1].metadata
    assert metadata["url"] == metadata["origin"] == "http://example.com/1"
    assert (metadata["title"], metadata["language"]) == ("T", "fr")


def test_archives_of_other_programs_are_read(corpora: Path) -> None:
    names = ["example.warc", "example.warc.gz", "example-resource.warc.gz"]
    for name in names:
        (document,) = documents(corpora / "warc" / name)
        assert document.text.startswith("Example Domain")
    (chunked,) = documents(corpora / "warc" / "example-iana.org-chunked.warc")
    assert "Management of the DNS Root Zone" in chunked.text


@pytest.mark.parametrize(
    ("charset", "declared", "meta"),
    [("windows-1251", True, False), ("windows-1251", False, True), ("shift_jis", True, False)],
)
def test_the_character_set_is_that_of_the_server_or_of_the_page(
    tmp_path: Path, charset: str, declared: bool, meta: bool
) -> None:
    text = "Привет, мир" if charset != "shift_jis" else "こんにちは世界"
    head = f"<meta charset={charset}>" if meta else ""
    body = f"<html><head>{head}</head><body><p>{text}</p></body></html>".encode(charset)
    kind = f"text/html; charset={charset}" if declared else "text/html"
    write(tmp_path / "a.warc.gz", [body], kind)
    (document,) = documents(tmp_path / "a.warc.gz")
    assert text in document.text


def test_members_are_divided_between_tasks_and_records_are_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A page that holds a stored gzip member must not be taken for a record.
    inner = gzip.compress(b"WARC/1.0 nothing", compresslevel=0)
    bodies = [*pages(200), b"<p>" + inner + b"</p>", *pages(200)]
    write(tmp_path / "a.warc.gz", bodies)
    whole = documents(tmp_path / "a.warc.gz")
    assert len(whole) == 401
    monkeypatch.setattr(inputs_module, "RANGE_BYTES", 7_919)
    assert documents(tmp_path / "a.warc.gz", shard_bytes=7_919) == whole


def test_a_damaged_member_costs_one_record(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    starts = write(path, pages(5))
    data = bytearray(path.read_bytes())
    middle = (starts[2] + starts[3]) // 2
    data[middle : middle + 20] = bytes(20)
    path.write_bytes(data)
    found = texts_and_reasons(outcomes(path))
    assert len(found) == 5 and found[2].startswith("! ")
    assert [text.split("\n")[-1] for text in found if text[0] != "!"] == [
        sentence(n) for n in (0, 1, 3, 4)
    ]


def test_a_truncated_archive_keeps_the_records_before(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    write(path, pages(3))
    path.write_bytes(path.read_bytes()[:-30])
    *good, bad = texts_and_reasons(outcomes(path))
    assert len(good) == 2 and bad.startswith("! truncated")


@pytest.mark.parametrize("change", [b"9999", b"10", b"99999999999", b"-1", b"x"])
@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_a_wrong_length_costs_one_record(tmp_path: Path, name: str, change: bytes) -> None:
    plain = tmp_path / "plain.warc"
    starts = write(plain, pages(4))
    data = plain.read_bytes()
    records = [data[a:b] for a, b in zip(starts, [*starts[1:], len(data)], strict=True)]
    lines = records[1].split(b"\r\n")
    index = next(n for n, line in enumerate(lines) if line.startswith(b"Content-Length"))
    lines[index] = b"Content-Length: " + change
    records[1] = b"\r\n".join(lines)
    compressed = name.endswith(".gz")
    (tmp_path / name).write_bytes(b"".join(map(gzip.compress, records) if compressed else records))
    found = texts_and_reasons(outcomes(tmp_path / name))
    assert len(found) == 4 and found[1].startswith("! ")
    assert [text.split("\n")[-1] for text in found if text[0] != "!"] == [
        sentence(n) for n in (0, 2, 3)
    ]


def test_a_response_that_is_not_a_page_is_reported(tmp_path: Path) -> None:
    write(tmp_path / "a.warc", [b"\x89PNG"], "image/png")
    assert texts_and_reasons(outcomes(tmp_path / "a.warc")) == ["! no text: image/png"]


def test_a_record_over_the_limit_is_streamed_past(tmp_path: Path) -> None:
    write(tmp_path / "a.warc.gz", [pages(1)[0], b"<p>" + b"x" * 3_000_000, pages(1)[0]])
    found = texts_and_reasons(outcomes(tmp_path / "a.warc.gz", max_record=1_000_000))
    assert found[1] == "! longer than --max-record (1,000,000 bytes)"
    assert [text.split("\n")[-1] for text in (found[0], found[2])] == [sentence(0)] * 2


def test_the_texts_of_common_crawl_are_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.wet.gz"
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True)
        record = writer.create_warc_record(
            "http://example.com/",
            "conversion",
            payload=io.BytesIO("Déjà vu.\nTwice.".encode()),
            warc_content_type="text/plain",
            warc_headers_dict={"WARC-Identified-Content-Language": "fra,eng"},
        )
        writer.write_record(record)
    (document,) = documents(path)
    assert document.text == "Déjà vu.\nTwice."
    assert document.metadata["language"] == "fra,eng"
