"""Advanced SubStation Alpha and Timed Text, read as every other file is."""

from pathlib import Path

from tests.readers.reading import documents, outcomes, texts_and_reasons

SCRIPT = """[Script Info]
Title: x

[V4+ Styles]
Format: Name, Fontname
Style: Main,Arial

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:05.00,0:00:06.00,Main,,0,0,0,,Second, {\\i1}with a comma{\\i0}.
Comment: 0,0:00:01.00,0:00:02.00,Main,,0,0,0,,not shown
Dialogue: 0,0:00:01.00,0:00:02.00,Main,,0,0,0,,{\\an8}Der\\NLeuchtturm\\hsteht.
Dialogue: 0,0:00:01.00,0:00:02.00,Main,,0,0,0,,{\\p1}m 0 0 l 10 10{\\p0}
"""
TIMED = """<?xml version="1.0" encoding="UTF-16"?>
<tt xmlns="http://www.w3.org/ns/ttml" xml:lang="ja"><head><metadata>t</metadata></head><body><div>
<p begin="00:00:01.000" end="00:00:02.000">灯台は<br/><span>明るい。</span></p>
<p begin="2s" dur="1s">A &amp; B
 went.</p></div></body></tt>"""


def test_scripts_are_read_in_the_order_of_their_times(tmp_path: Path) -> None:
    (tmp_path / "a.ass").write_text(SCRIPT)
    (document,) = documents(tmp_path / "a.ass")
    assert document.text.split("\n") == ["Der Leuchtturm steht.", "Second, with a comma."]


def test_timed_text_is_read_by_paragraphs(tmp_path: Path) -> None:
    (tmp_path / "a.ttml").write_text(TIMED, encoding="utf-16")
    (tmp_path / "b.dfxp").write_text(TIMED)
    for name in ("a.ttml", "b.dfxp"):
        (document,) = documents(tmp_path / name)
        assert document.text.split("\n") == ["灯台は 明るい。", "A & B went."]


def test_damaged_timed_text_is_quarantined(tmp_path: Path) -> None:
    (tmp_path / "a.ttml").write_text(TIMED[:-20])
    assert texts_and_reasons(outcomes(tmp_path / "a.ttml"))[0].startswith("! not XML")
    (tmp_path / "a.ttml").write_text('<!DOCTYPE t [<!ENTITY a "b">]><tt><p>&a;</p></tt>')
    assert "declares entities" in texts_and_reasons(outcomes(tmp_path / "a.ttml"))[0]
