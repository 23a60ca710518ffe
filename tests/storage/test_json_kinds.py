import pytest

from lmkit.storage.json_kinds import json_by_content


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b'{"text": "a"}\n{"text": "b"}', "jsonl"),
        (b'{"text": "a"}\nbroken', "jsonl"),
        (b'{"text": "a", broken}\n{"text": "b"}', "jsonl"),
        (b'{"text": "a"}', "json"),
        (b'{\n "text": "a"\n}', "json"),
        (b'[{"text": "a"}]', "json"),
        (b'["a"]', "json"),
        (b'\x1e{"text": "a"}\n', "json"),
        (b'{"text": "a", "comments": [{"text": "b"}]}', "threads"),
        (b'[{"text": "a"}, {"text": "a", "replies": [ {"text": "b"}]}]', "threads"),
        (b'{"text": "a", "comments": 12}', "json"),
        (b'{"text": "a", "x": {"comments": [{"text": "b"}]}}', "json"),
        (b'{"text": "\\"comments\\": [{", "n": 1}', "json"),
        (b'[{"kind": "Listing", "data": {}}]', "threads"),
        (b"[a note]", None),
        (b"{\\rtf1", None),
        (b"", None),
    ],
)
def test_the_kind_of_json(start: bytes, kind: str | None) -> None:
    assert json_by_content(start) == kind
