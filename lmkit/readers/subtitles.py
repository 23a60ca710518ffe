"""Subtitles (SubRip, WebVTT, Advanced SubStation Alpha, TTML): a file is a document of sentences.

Choices:
- Cues are joined into one line per sentence: a cue ends where the screen is full, not where a
  sentence does. A pause of three seconds, or the dash of another speaker, ends a line too.
- Captions that roll give each line once (`captions/rolling.py`).
- Tags, positions, [sounds] and (SOUNDS), and the signs of songs around a line are removed; brackets
  that index something, as in `a[0]`, and names such as `C#` and `#1` are text.
- What is in no cue is quarantined, and the cues are kept.
"""

import re
from collections.abc import Iterator
from html import unescape

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.readers.captions.cues import Cue, parse_cues
from lmkit.readers.captions.rolling import without_repeated_lines
from lmkit.readers.captions.script_and_timed_text import parse_script, parse_timed_text
from lmkit.readers.file_text import content, decode
from lmkit.readers.reader import Request, new_document, unreadable
from lmkit.storage.byte_ranges import CorruptInput, Range

READING = re.compile(r"<(rt|rp)\b[^<>]*>[^<>]*</\1>", re.IGNORECASE)
BREAK = re.compile(r"<br\s*/?>|\\N", re.IGNORECASE)
TAG = re.compile(
    r"</?(?:c|i|b|u|s|v|lang|ruby|rt|rp|font|em|strong|span|p|div|center|small|big|sub|sup|a|tt)"
    r"(?:[.\s/][^<>]*)?>|<\d+:\d\d[^<>]*>|\{\\[^{}]*\}|\{[yYcCfFsSpPoO]:[^{}]*\}",
    re.IGNORECASE,
)
# Brackets after a name index something, and what has no letters is no sound (but `[ __ ]`, which
# stands for a censored word).
BRACKETED = re.compile(
    r"(?<![A-Za-z0-9_\])])(?:\[([^\[\]]*+)\]|\(([A-Z \d',.&-]++)\))|[\u2669-\u266c]+"
)
# A # or ¶ apart from the words, at either end of a line; or directly around all of it.
SONG = re.compile(r"\A\s*[#\u00b6]+(?=\s|\Z)|(?:(?<=\s)|\A)[#\u00b6]+\s*\Z")
SONG_LINE = re.compile(
    r"\A\s*[#\u00b6]([^\W\d_][^#\u00b6]*(?<![\s(][A-Z])[^\s#\u00b6])"
    r"[#\u00b6]\s*\Z"
)
SPEAKER = re.compile(r"[ \t]*(?:[-\u2010-\u2015]+|>>+)[ \t]*")
ENDED = re.compile(r"[.!?\u2026\u3002\uff01\uff1f][\"'\u201d\u2019)\]]*$")
PAUSE_SECONDS = 3.0


def read_subtitles(part: Slice, source: Range, request: Request) -> Iterator[Document | Unreadable]:
    """Yield the one document of a file, and what is in none of its cues."""
    try:
        text = decode(content(part, source, request), request.reading.encoding)
        cues, outside = _parsed(text)
        if not any(cue.start is not None for cue in cues):
            raise CorruptInput(0, "no cues: not a file of subtitles")
    except CorruptInput as damage:
        yield unreadable(part, damage)
        return
    if outside:
        shown = outside if len(outside) <= 80 else f"{outside[:79]}\u2026"
        yield unreadable(part, CorruptInput(0, f"text before the first cue: {shown!r}"))
    yield new_document(part, _sentences(cues))


def cue_text(text: str) -> str:
    r"""Return the text of the cues, one sentence per line. Raises `CorruptInput` without cues.

    >>> cue_text("00:01.000 --> 00:02.000\n- We were\n\n2\n00:02.100 --> 00:03.000\nhere.")
    'We were here.'
    """
    cues, _ = _parsed(text)
    if not any(cue.start is not None for cue in cues):
        raise CorruptInput(0, "no cues: not a file of subtitles")
    return _sentences(cues)


def _parsed(text: str) -> tuple[list[Cue], str]:
    start = text[:4096].lstrip("\ufeff \t\r\n").lower()
    if start.startswith("[script info]") or "\n[events]" in start:
        return parse_script(text), ""
    if start.startswith("<"):
        return parse_timed_text(text), ""
    return parse_cues(text)


def _sentences(cues: list[Cue]) -> str:
    lines: list[str] = []
    open_line: list[str] = []
    ended: float | None = 0.0

    def end_line() -> None:
        if open_line:
            lines.append(" ".join(open_line))
            open_line.clear()

    shown = [Cue(cue.start, cue.end, _shown_lines(cue)) for cue in cues]
    for cue in without_repeated_lines(shown):
        if cue.start is not None and ended is not None and cue.start - ended > PAUSE_SECONDS:
            end_line()
        ended = cue.end
        for line in cue.lines:
            speaker = SPEAKER.match(line)
            words = line[speaker.end() if speaker else 0 :]
            if speaker:
                end_line()
            open_line += [words] if words else []
            if ENDED.search(words):
                end_line()
    end_line()
    return "\n".join(lines)


def _shown_lines(cue: Cue) -> list[str]:
    """Return the lines of a cue that are speech, without markup."""
    body = READING.sub("", "\n".join(cue.lines))
    body = BRACKETED.sub(_without_sound, unescape(TAG.sub("", BREAK.sub("\n", body))))
    lines = (SONG.sub("", SONG_LINE.sub(r"\1", line)) for line in body.split("\n"))
    return [shown for line in lines if (shown := " ".join(line.split()))]


def _without_sound(found: re.Match[str]) -> str:
    inside = found[1] if found[2] is None else found[2]
    if inside is None or any(character.isalpha() for character in inside):
        return ""
    is_censored = found[1] and not inside.strip(" _\u00a0\n\u2669\u266a\u266b\u266c")
    return "" if is_censored else found[0]
