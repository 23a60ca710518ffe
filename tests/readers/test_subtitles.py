import time
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


def cues(*texts: str) -> str:
    return "\n\n".join(
        f"{n}\n00:00:{2 * n:02},000 --> 00:00:{2 * n + 1:02},900\n{text}"
        for n, text in enumerate(texts, 1)
    )


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        # The signs of songs go, and names with them stay.
        ("# Guten Abend, gut Nacht #", "Guten Abend, gut Nacht"),
        ("#Спи, моя радость, усни#", "Спи, моя радость, усни"),
        ("\u266a 春が来た \u266b", "春が来た"),
        ("\u00b6 Row your boat \u00b6", "Row your boat"),
        ("Written in C# and F#", "Written in C# and F#"),
        ("#1 is C#", "#1 is C#"),
        ("Ticket #42, then #43", "Ticket #42, then #43"),
        # Sounds go, and brackets that index or list something stay.
        ("[door slams] Wer da?", "Wer da?"),
        ("他说[笑]好", "他说好"),
        ("(MUSIC) Hello (and welcome)", "Hello (and welcome)"),
        ("set a[0] and f(X)[i] to {x}", "set a[0] and f(X)[i] to {x}"),
        ("the list [1, 2] and ()", "the list [1, 2] and ()"),
        ("what the [ __ ] is it", "what the is it"),
        # Tags and overrides go, and other angle brackets stay.
        ('{\\an8}<font color="red">Да</font>, <i>да</i>', "Да, да"),
        ("a List<String> is <3 and 5 &lt; 6", "a List<String> is <3 and 5 < 6"),
        ("<v.loud Bob>Hi<00:00:01.000><c.x> there</c></v>", "Hi there"),
        ("<ruby>灯<rt>とう</rt></ruby>台", "灯台"),
        ("one<br>two\\Nthree", "one two three"),
    ],
)
def test_what_is_no_speech_is_removed_from_a_line(source: str, shown: str) -> None:
    assert cue_text(cues(source)) == shown


def test_text_outside_of_cues_is_quarantined_and_the_cues_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text(f"Von Anna übersetzt\n\n{cues('Ja.')}")
    assert texts_and_reasons(outcomes(tmp_path / "a.srt")) == [
        "! text before the first cue: 'Von Anna übersetzt'",
        "Ja.",
    ]


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "[a",
        "(",
        "(A ",
        "#",
        "# ",
        "<",
        "<c ",
        ":",
        "0:00 ",
        "-->",
        "\n",
        "1\n",
        "{\\",
        "\\N",
        "0:0\n\n",
    ],
)
def test_hostile_files_take_linear_time(piece: str) -> None:
    start = time.process_time()
    cue_text(cues("a") + "\n" + piece * 100_000)
    assert time.process_time() - start < 20  # a quadratic one takes minutes
