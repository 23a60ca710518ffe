from pathlib import Path

import pytest

from lmkit.readers.subtitles import cue_text
from tests.readers.reading import documents, outcomes, texts_and_reasons

# After the examples in https://en.wikipedia.org/wiki/SubRip and https://www.w3.org/TR/webvtt1/
SRT = """1\r
00:02:16,612 --> 00:02:19,376\r
<i>Senator, we're making\r
our final approach</i> into Coruscant.\r
\r
2\r
00:02:19,482 --> 00:02:21,609\r
- Very good, Lieutenant.\r
- Thank you.\r
\r
3\r
00:02:40,000 --> 00:02:41,000\r
{\\an8}[door opens]\r
\r
4\r
00:03:00,000 --> 00:03:01,000\r
To be\r
\r
5\r
00:03:10,000 --> 00:03:11,000\r
continued\r
"""
VTT = """WEBVTT - a title

NOTE nothing to see

STYLE
::cue { color: red }

intro
00:11.000 --> 00:13.000 align:start position:10%
<v Roger Bingham>We are in New York City,

00:13.100 --> 00:16.000
<v Roger Bingham>we're actually at the <c.loud>Lucern</c> &amp; Hotel.

NOTE more
"""


@pytest.mark.parametrize(
    ("name", "source", "lines"),
    [
        (
            "a.srt",
            SRT,
            [
                "Senator, we're making our final approach into Coruscant.",
                "Very good, Lieutenant.",
                "Thank you.",
                "To be",
                "continued",
            ],
        ),
        ("a.vtt", VTT, ["We are in New York City, we're actually at the Lucern & Hotel."]),
    ],
)
def test_cues_become_sentences(tmp_path: Path, name: str, source: str, lines: list[str]) -> None:
    (tmp_path / name).write_bytes(source.encode())
    (document,) = documents(tmp_path / name)
    assert document.text.split("\n") == lines


def test_a_file_without_cues_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text("no times here")
    assert texts_and_reasons(outcomes(tmp_path / "a.srt"))[0].startswith("! no cues")


def test_arrows_and_numbers_in_dialogue_are_not_times() -> None:
    text = cue_text(
        "1\n00:00:01,000 --> 00:00:02,000\nIn vim type 5 --> to indent\nand then save.\n\n"
        "2\n00:00:03,000 --> 00:00:04,000\nIt happened in 1999\nA --> B, said he.\n"
    )
    assert text.split("\n") == [
        "In vim type 5 --> to indent and then save.",
        "It happened in 1999 A --> B, said he.",
    ]


@pytest.mark.parametrize(
    "times", ["00:00:03,000 -> 00:00:04,000", "00:00:0x,000 --> 00:00:04,000", "00:03 00:04"]
)
def test_dialogue_after_damaged_times_is_kept(times: str) -> None:
    valid = "00:00:01,000 --> 00:00:02,000"
    text = cue_text(f"1\n{valid}\nOne.\n\n2\n{times}\nTwo.\n\n3\n{valid}\nThree.\n")
    assert text.split("\n") == ["One.", "Two.", "Three."]
