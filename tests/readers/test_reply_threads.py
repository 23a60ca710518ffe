import json
from pathlib import Path

from tests.readers.reading import documents, outcomes, texts_and_reasons

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
    (tmp_path / "a.json").write_text(json.dumps({"text": f"<p>a {math} b", "children": []}))
    for asked, text in (("tex", "a E=mc^2 b"), ("drop", "a b")):
        (document,) = documents(tmp_path / "a.json", math=asked)
        assert document.text == text
