from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from tests.readers.reading import documents, documents_and_counts, outcomes, texts_and_reasons


def row(**fields: str) -> str:
    return (
        "  <row " + " ".join(f"{name}={quoteattr(value)}" for name, value in fields.items()) + " />"
    )


def write(path: Path, rows: list[str]) -> Path:
    body = "\n".join(rows)
    path.write_text(f'\ufeff<?xml version="1.0" encoding="utf-8"?>\n<posts>\n{body}\n</posts>\n')
    return path


QUESTION = row(
    Id="4",
    PostTypeId="1",
    AcceptedAnswerId="9",
    Title="Why?",
    Body="<p>Why &amp; how?</p>",
    Tags="<a><b>",
)


def test_a_question_has_its_answers_in_the_order_of_the_site(tmp_path: Path) -> None:
    rows = [
        row(Id="6", PostTypeId="1", Title="Other", Body="<p>Other?</p>"),
        QUESTION,
        row(Id="7", PostTypeId="2", ParentId="4", Score="1", Body="<p>Low.</p>"),
        row(Id="8", PostTypeId="2", ParentId="4", Score="50", Body="<p>High.</p>"),
        row(Id="9", PostTypeId="2", ParentId="4", Score="3", Body="<p>Accepted.</p>"),
        row(Id="10", PostTypeId="4", Body="a tag's wiki"),
    ]
    first, second = documents(write(tmp_path / "Posts.xml", rows))
    assert first.text == "Why?\n\nWhy & how?\n\nAccepted.\n\nHigh.\n\nLow."
    assert second.text == "Other\n\nOther?"
    assert (first.metadata["tags"], first.metadata["answers"]) == (["a", "b"], 3)


def test_a_broken_row_costs_one_post(tmp_path: Path) -> None:
    rows = [
        QUESTION,
        '  <row Id="5" PostTypeId="1" Body="<" />',
        row(Id="6", PostTypeId="1", Body="B"),
    ]
    bad, *good = texts_and_reasons(outcomes(write(tmp_path / "Posts.xml", rows)))
    assert bad.startswith("! not XML") and good == ["Why?\n\nWhy & how?", "B"]


def test_posts_that_share_a_line_are_listed_and_not_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(f"<?xml version='1.0'?><posts>{QUESTION}</posts>\n")
    (tmp_path / "b.xml").write_bytes(f"<posts>\n{QUESTION}\n</posts>".encode("utf-16"))
    for name in ("a.xml", "b.xml"):
        found = outcomes(tmp_path / name, forced="stackexchange")
        assert found and all("a line of its own" in one for one in texts_and_reasons(found))


def test_formulas_are_left_out_if_that_is_asked_for(tmp_path: Path) -> None:
    math = '<math><annotation encoding="application/x-tex">E=mc^2</annotation></math>'
    path = write(tmp_path / "Posts.xml", [row(Id="4", PostTypeId="1", Body=f"<p>a {math} b</p>")])
    for asked, text in (("tex", "a E=mc^2 b"), ("drop", "a b")):
        assert documents(path, math=asked)[0].text == text


@pytest.mark.parametrize(
    "forbidden",
    ["&#x0E;", "&#0;", "&#xFFFE;", "&#14;", "&#x1f;", "&#xD800;", "&#x110000;", "\x0e", "\uffff"],
)
@pytest.mark.parametrize(
    "text", ["Tower", "\u706f\u5854", "\u043c\u0430\u044f\u043a &#228; &#x1F600;"]
)
def test_characters_that_xml_forbids_cost_themselves(
    tmp_path: Path, forbidden: str, text: str
) -> None:
    body = f"{text}{forbidden} {text}"
    row = f'  <row Id="1" PostTypeId="1" Title="T" Body="{body}" />\n'
    (tmp_path / "Posts.xml").write_text(f"<posts>\n{row}</posts>\n", "utf-8")
    (document,), counts = documents_and_counts(tmp_path / "Posts.xml")
    shown = text.replace("&#228;", "\u00e4").replace("&#x1F600;", "\U0001f600")
    assert document.text == f"T\n\n{shown} {shown}"
    assert counts["forbidden_characters"] == 1
