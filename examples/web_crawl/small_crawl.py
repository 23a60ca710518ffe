"""Write a small WARC file of HTML pages: Python's own manual, as a crawler would store it.

    python examples/web_crawl/small_crawl.py work/crawl.warc.gz

Each record is a gzip member of its own, as in Common Crawl. Every tenth page is stored twice.
"""

import gzip
import html
import sys
from pathlib import Path
from pydoc_data.topics import topics


def page(title: str, text: str) -> bytes:
    """Return an HTML page with navigation, a heading and paragraphs."""
    paragraphs = "".join(f"<p>{html.escape(part)}</p>" for part in text.split("\n\n"))
    head = f'<head><meta charset="utf-8"><title>{title}</title></head>'
    body = f'<nav><a href="/">Home</a></nav><main><h1>{title}</h1>{paragraphs}</main>'
    return f'<!DOCTYPE html><html lang="en">{head}<body>{body}</body></html>'.encode()


def record(url: str, body: bytes) -> bytes:
    """Return a response record, compressed."""
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\n"
        "Content-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(http)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + http + b"\r\n\r\n", mtime=0)


def main() -> None:
    """Write the file, unless it is there."""
    path = Path(sys.argv[1])
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    records: list[bytes] = []
    for number, (name, text) in enumerate(sorted(topics.items())):
        copies = 2 if number % 10 == 0 else 1
        for copy in range(copies):
            records.append(record(f"https://example.org/{copy}/{name}.html", page(name, text)))
    temporary = path.with_name(f"{path.name}.partial")
    temporary.write_bytes(b"".join(records))
    temporary.rename(path)


if __name__ == "__main__":
    main()
