import json
from pathlib import Path
from typing import Any

import pytest

from tests.readers.reading import documents, documents_and_counts, outcomes, texts_and_reasons

THREAD = {
    "id": 1,
    "title": "A question",
    "author": "ann",
    "text": "<p>Who&#x27;s there?</p>",
    "children": [
        {"text": "first", "children": [{"text": "answer to first", "children": []}]},
        {"text": None, "children": [{"text": "below what was deleted"}]},
        {"text": "second"},
    ],
}


def test_replies_follow_the_posts_that_they_answer(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(THREAD, indent=1))
    (document,) = documents(tmp_path / "a.json")
    texts = [
        "A question",
        "Who's there?",
        "first",
        "answer to first",
        "below what was deleted",
        "second",
    ]
    assert document.text == "\n\n".join(texts)
    assert document.metadata["author"] == "ann"


def test_a_thread_per_line_and_a_broken_one_between(tmp_path: Path) -> None:
    line = json.dumps({"body": "x", "replies": [{"body": "y"}]})
    (tmp_path / "a.jsonl").write_text(f"{line}\n{{oops\n[1]\n{line}\n")
    found = texts_and_reasons(outcomes(tmp_path / "a.jsonl", forced="threads"))
    assert found[0] == found[3] == "x\n\ny"
    assert found[1].startswith("! not JSON") and found[2].startswith("! not a thread")


def test_deep_threads_are_read_or_reported(tmp_path: Path) -> None:
    deep = '{"text": "x", "replies": [' * 400 + "]}" * 400
    (tmp_path / "a.json").write_text(deep)
    (document,) = documents(tmp_path / "a.json")
    assert document.text.count("x") == 400
    (tmp_path / "a.json").write_text('{"replies": [' * 50_000)
    assert texts_and_reasons(outcomes(tmp_path / "a.json", forced="threads"))[0].startswith(
        "! not JSON"
    )


def test_formulas_are_left_out_if_that_is_asked_for(tmp_path: Path) -> None:
    math = '<math><annotation encoding="application/x-tex">E=mc^2</annotation></math>'
    (tmp_path / "a.json").write_text(
        json.dumps({"text": f"<p>a {math} b", "children": [{"text": "c"}]})
    )
    for asked, text in (("tex", "a E=mc^2 b\n\nc"), ("drop", "a b\n\nc")):
        (document,) = documents(tmp_path / "a.json", math=asked)
        assert document.text == text


def listing(*things: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "Listing", "data": {"after": None, "children": list(things)}}


def thing(kind: str, **data: Any) -> dict[str, Any]:
    return {"kind": kind, "data": data}


REPLY = thing("t1", body="Ja &amp; nein.\n\n> zitiert", replies="")
COMMENT = thing("t1", body="\u706f\u5854 &lt;b&gt;", replies=listing(REPLY, thing("more", count=5)))
POST = thing("t3", id="x1", title="Who?", selftext="I ask.\n\nTwice.", author="ann", num_comments=2)
WHOLE = "Who?\n\nI ask.\n\nTwice.\n\n\u706f\u5854 <b>\n\nJa & nein.\n\n> zitiert"


@pytest.mark.parametrize("indent", [None, 2])
def test_reddits_listings_are_threads(tmp_path: Path, indent: int | None) -> None:
    pair = [listing(POST), listing(COMMENT)]
    (tmp_path / "a.json").write_text(json.dumps(pair, indent=indent))
    (document,), counts = documents_and_counts(tmp_path / "a.json")
    assert document.text == WHOLE
    assert document.metadata["author"] == "ann" and document.metadata["thread"] == "x1"
    assert counts["comments_not_in_file"] == 5
    (tmp_path / "a.json").write_text(json.dumps(listing(POST, COMMENT), indent=indent))
    post, comment = documents(tmp_path / "a.json")
    assert [post.text, comment.text] == [WHOLE[:20], WHOLE[22:]]


def test_a_pair_of_listings_per_line(tmp_path: Path) -> None:
    line = json.dumps([listing(POST), listing(COMMENT)])
    (tmp_path / "a.jsonl").write_text(f"{line}\n{line}\n")
    texts = [document.text for document in documents(tmp_path / "a.jsonl", forced="threads")]
    assert texts == [WHOLE, WHOLE]


@pytest.mark.parametrize("replies", [12, None, "none", ["a", "b"], {"count": 3}])
def test_a_record_whose_comments_are_no_posts_is_a_record(tmp_path: Path, replies: Any) -> None:
    record = {"text": "a text", "comments": replies, "score": 3}
    (tmp_path / "a.json").write_text(json.dumps(record, indent=1))
    (document,) = documents(tmp_path / "a.json")
    assert document.metadata["score"] == 3 and document.metadata.get("comments") == replies
