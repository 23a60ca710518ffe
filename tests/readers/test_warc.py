import base64
import gzip
import hashlib
import io
import lzma
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from lmkit.artifacts import inputs as inputs_module
from lmkit.storage import compressed_members
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


def test_a_response_that_is_not_a_page_is_counted(tmp_path: Path) -> None:
    write(tmp_path / "a.warc", [b"\x89PNG"], "image/png")
    counts: Counter[str] = Counter()
    assert outcomes(tmp_path / "a.warc", counts=counts) == []
    assert counts == {"skipped_images": 1}


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


def test_characters_of_plain_text_that_cannot_be_decoded_are_counted(tmp_path: Path) -> None:
    body = "Das Meer ist tief: ü ö ä. ".encode() + b"x\xff\xfex"
    (tmp_path / "a.warc").write_bytes(raw_record(http(body, media="text/plain; charset=utf-8")))
    counts: Counter[str] = Counter()
    (document,) = documents(tmp_path / "a.warc", counts=counts)
    assert document.text == "Das Meer ist tief: ü ö ä. x\ufffd\ufffdx"
    assert counts == {"replaced_characters": 2}


def http(body: bytes, *headers: str, media: str = "text/html", status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {media}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def raw_record(
    content: bytes,
    *headers: str,
    kind: str = "response",
    media: str = "application/http; msgtype=response",
    version: str = "WARC/1.0",
    end: str = "\r\n",
    url: str = "https://cape.example/",
) -> bytes:
    """Write a record by hand: what is tested here no writer writes."""
    fixed = [f"WARC-Type: {kind}", f"WARC-Target-URI: {url}", f"Content-Type: {media}"]
    lines = [version, *fixed, *headers, f"Content-Length: {len(content)}", "", ""]
    return end.join(lines).encode() + content


def last_lines(path: Path, **options: Any) -> list[str]:
    return [document.text.split("\n")[-1] for document in documents(path, **options)]


@pytest.mark.parametrize("separator", [b"", b"\n", b"\r\n", b"\n\n", b"\r\n\r\n", b"\r\n" * 3])
@pytest.mark.parametrize("version", ["WARC/0.17", "WARC/0.18", "WARC/1.0", "WARC/1.1"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_separators_may_have_any_width_and_headers_bare_line_feeds(
    tmp_path: Path, separator: bytes, version: str, end: str
) -> None:
    records = [raw_record(http(body), version=version, end=end) for body in pages(4)]
    for name, one in (("a.warc", bytes), ("a.warc.gz", gzip.compress)):
        data = b"".join(one(record + separator) for record in records)
        (tmp_path / name).write_bytes(data)
        assert last_lines(tmp_path / name) == [sentence(n) for n in range(4)]
    (tmp_path / "b.warc.gz").write_bytes(gzip.compress(separator.join(records)))
    assert last_lines(tmp_path / "b.warc.gz") == [sentence(n) for n in range(4)]


@pytest.mark.parametrize("separator", [b"", b"\n", b"\r\n\r\n"])
def test_each_of_two_lost_records_is_counted(tmp_path: Path, separator: bytes) -> None:
    ids = [f"WARC-Record-ID: <urn:uuid:{n}>" for n in range(5)]
    records = [
        raw_record(http(body), "WARC-Date: 2024-05-01T10:00:00Z", ids[n])
        for n, body in enumerate(pages(5))
    ]
    for number in (1, 2):
        records[number] = records[number].replace(b"Content-Length: ", b"Content-Length: 9")
    (tmp_path / "a.warc").write_bytes(separator.join(records))
    found = texts_and_reasons(outcomes(tmp_path / "a.warc"))
    assert [text.startswith("! wrong length") for text in found] == [
        False,
        True,
        True,
        False,
        False,
    ]
    assert [text.split("\n")[-1] for text in found if text[0] != "!"] == [
        sentence(n) for n in (0, 3, 4)
    ]


@pytest.mark.parametrize("separator", [b"", b"\n", b"\r\n\r\n"])
def test_a_payload_that_holds_records_is_not_split(tmp_path: Path, separator: bytes) -> None:
    inner = separator.join(raw_record(http(body)) for body in pages(3))
    text = b"How a WARC looks:\n\n" + inner + separator
    record = raw_record(text, kind="resource", media="text/plain")
    for name, one in (("a.warc", bytes), ("a.warc.gz", gzip.compress)):
        (tmp_path / name).write_bytes(b"".join(one(record + separator) for _ in range(3)))
        found = documents(tmp_path / name)
        assert len(found) == 3
        assert all(document.text.count("WARC/1.0") == 3 for document in found)


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz", "whole.warc.gz"])
@pytest.mark.parametrize("true_length", [True, False])
def test_a_record_over_the_limit_that_holds_records_is_one(
    tmp_path: Path, name: str, true_length: bool
) -> None:
    inner = b"\r\n\r\n".join(raw_record(http(body)) for body in pages(3))
    first, last = (raw_record(http(body)) for body in pages(2))
    big = raw_record(b"x" * 200_000 + b"\r\n\r\n" + (inner if true_length else b""))
    if not true_length:
        big = big.replace(b"Content-Length: ", b"Content-Length: 9")
    records = [record + b"\r\n\r\n" for record in (first, big, last)]
    data = b"".join(map(gzip.compress, records) if name == "a.warc.gz" else records)
    (tmp_path / name).write_bytes(gzip.compress(data) if name == "whole.warc.gz" else data)
    found = texts_and_reasons(outcomes(tmp_path / name, max_record=100_000))
    assert [text[0] == "!" for text in found] == [False, True, False]
    assert found[2].endswith(sentence(1))


def test_a_digest_refutes_a_length_that_reaches_over_the_next_record(tmp_path: Path) -> None:
    first, second, third = (raw_record(http(body)) + b"\r\n\r\n" for body in pages(3))
    content = http(pages(1)[0])
    digest = base64.b32encode(hashlib.sha1(content).digest()).decode()
    length = len(content) + 4 + len(second) - 4
    first = raw_record(content, f"WARC-Block-Digest: sha1:{digest}") + b"\r\n\r\n"
    first = first.replace(b"Content-Length: %d" % len(content), b"Content-Length: %d" % length)
    (tmp_path / "a.warc").write_bytes(first + second + third)
    found = texts_and_reasons(outcomes(tmp_path / "a.warc"))
    assert [text.split("\n")[-1] for text in found[1:]] == [sentence(1), sentence(2)]
    assert found[0].startswith("! wrong length")


def test_what_is_no_document_is_counted_by_kind(tmp_path: Path) -> None:
    empty = b"software: a crawler\r\n"
    fields = "application/warc-fields"
    records = [
        raw_record(empty, kind="warcinfo", media=fields),
        raw_record(b"20240501\ncape.example.\t3600\tIN\tA\t203.0.113.7\n", media="text/dns"),
        raw_record(b"203.0.113.7", kind="resource", media="text/plain", url="dns:cape.example"),
        raw_record(b"GET / HTTP/1.1\r\n\r\n", kind="request"),
        raw_record(b"via: x\r\n", kind="metadata", media=fields),
        raw_record(http(b""), kind="revisit"),
        raw_record(b"more", kind="continuation"),
        raw_record(http(b"Moved.", "Location: /a", status="301 Moved Permanently")),
        raw_record(http(b"\x1f\x8bno gzip", "Content-Encoding: gzip", status="302 Found")),
        raw_record(http(b"<p>Not found", status="404 Not Found")),
        raw_record(http(b"", status="204 No Content")),
        raw_record(http(b"\xff\xd8\xff", media="image/jpeg")),
        raw_record(http(b"\xff\xd8\xff", "Content-Encoding: br", media="image/webp")),
        raw_record(http(b"a { color: red }", media="text/css; charset=utf-8")),
        raw_record(http(b"let x", media="text/javascript")),
        raw_record(http(b"let x", media="application/x-javascript")),
        raw_record(http(b"\0\0", media="video/mp4")),
        raw_record(http(b"\0\0", media="font/woff2")),
        raw_record(http(b"{}", media="application/ld+json")),
        raw_record(http(b"<rss/>", media="application/rss+xml")),
        raw_record(http(b"%PDF-", media="application/pdf")),
        raw_record(b"wget log", kind="resource", media="text/plain", url="metadata://gnu.org/log"),
        raw_record(http(pages(1)[0])),
    ]
    (tmp_path / "a.warc").write_bytes(b"\r\n\r\n".join(records))
    counts: Counter[str] = Counter()
    assert last_lines(tmp_path / "a.warc", counts=counts) == [sentence(0)]
    assert counts == {
        "warc_info_records": 1,
        "skipped_dns_records": 2,
        "warc_request_records": 1,
        "warc_metadata_records": 2,
        "skipped_revisits": 1,
        "skipped_continuations": 1,
        "skipped_redirects": 2,
        "skipped_http_errors": 1,
        "skipped_other_statuses": 1,
        "skipped_images": 2,
        "skipped_stylesheets": 1,
        "skipped_scripts": 2,
        "skipped_video": 1,
        "skipped_fonts": 1,
        "skipped_data": 2,
        "skipped_other_media": 1,
    }


def test_what_is_skipped_and_too_long_is_no_damage(tmp_path: Path) -> None:
    records = [http(bytes(200_000), media="video/mp4"), http(b"<p>" + b"x" * 200_000)]
    (tmp_path / "a.warc").write_bytes(b"\r\n\r\n".join(map(raw_record, records)))
    counts: Counter[str] = Counter()
    found = texts_and_reasons(outcomes(tmp_path / "a.warc", max_record=100_000, counts=counts))
    assert found == ["! longer than --max-record (100,000 bytes)"]
    assert counts == {"skipped_video": 1}


def test_a_truncated_page_is_kept_and_marked(tmp_path: Path) -> None:
    page = pages(1)[0]
    records = [
        raw_record(http(page), "WARC-Truncated: length"),
        raw_record(http(page, f"Content-Length: {len(page) + 1_000_000}")),
        raw_record(http(page, f"Content-Length: {len(page)}")),
    ]
    (tmp_path / "a.warc").write_bytes(b"\r\n\r\n".join(records))
    counts: Counter[str] = Counter()
    found = documents(tmp_path / "a.warc", counts=counts)
    assert [document.metadata.get("truncated") for document in found] == [True, True, None]
    assert counts == {"truncated_responses": 2}


@pytest.mark.parametrize("media", ["text/html", "text/plain"])
def test_compressed_data_is_not_read_as_text(tmp_path: Path, media: str) -> None:
    data = lzma.compress(b"<p>" + PAGE.encode() * 50)
    records = [http(data, "Content-Encoding: compress", media=media), http(data, media=media)]
    (tmp_path / "a.warc").write_bytes(b"\r\n\r\n".join(map(raw_record, records)))
    first, second = texts_and_reasons(outcomes(tmp_path / "a.warc"))
    assert first == "! content coding 'compress' is not supported"
    assert second.startswith("! not what its name says")


def test_an_archive_in_a_record_is_not_read_where_a_task_begins_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = b"".join(gzip.compress(raw_record(http(body))) for body in pages(2_000))
    members = [gzip.compress(raw_record(http(body))) for body in pages(300)]
    # As compression stores what it can't make smaller.
    members[100] = gzip.compress(raw_record(http(inner, media="application/gzip")), 0)
    (tmp_path / "a.warc.gz").write_bytes(b"".join(members))
    found = documents(tmp_path / "a.warc.gz")
    assert len(found) == 299
    monkeypatch.setattr(inputs_module, "RANGE_BYTES", 60_000)
    monkeypatch.setattr(compressed_members, "RUN_UP", 10_000)
    assert documents(tmp_path / "a.warc.gz", shard_bytes=60_000) == found
