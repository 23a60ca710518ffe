"""SubRip and WebVTT subtitles: a file is a document of sentences.

WebVTT: https://www.w3.org/TR/webvtt1/; SubRip has no standard.

Choices:
- Cues are joined into one line per sentence: a cue ends where the screen is full, not where a
  sentence does. A pause of three seconds, or the dash of another speaker, ends a line too.
- If a cue's times are damaged, its text is kept: times only show pauses.
- Tags, positions, times, notes, styles and [sounds] are removed.
"""

import re
from collections.abc import Iterator
from html import unescape

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.readers.file_text import content, decode
from lmkit.readers.reader import Request, new_document, unreadable
from lmkit.storage.byte_ranges import CorruptInput, Range

TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d\d)[.,](\d{1,3})"
TIMES = re.compile(rf"[ \t]*{TIME}[ \t]*-->[ \t]*{TIME}[^\n]*")
# Damaged times are where only times can be: after a blank line, or after that and a number.
CUE = re.compile(
    rf"^{TIMES.pattern}$"
    r"|(?:\A|\n[ \t]*\n)(?:"
    r"[ \t]*\d+[ \t]*\n(?=[^\n]{0,80}->|[^\n]{0,40}\d:\d\d[^\n]{0,40}\d:\d\d)"
    r"|(?=[^\n]{0,40}\d:\d[^\n]{0,40}-->|[^\n]{0,40}-->[^\n]{0,40}\d:\d)"
    r")[^\n]*$",
    re.MULTILINE,
)
TAG = re.compile(r"</?(?:[a-z]++|\d\d:)[^<>]*+>|\{\\?[^{}]*+\}", re.IGNORECASE)
SOUND = re.compile(r"\[[^\[\]\n]*\]|\([A-Z \d',.&-]+\)|[♪♫#]+")
SPEAKER = re.compile(r"^[ \t]*(?:[-\u2010-\u2015]+|>>+)[ \t]*", re.MULTILINE)
ENDED = re.compile(r"[.!?\u2026\u3002\uff01\uff1f][\"'\u201d\u2019)\]]*$")
PAUSE_SECONDS = 3.0


def read_subtitles(part: Slice, source: Range, request: Request) -> Iterator[Document | Unreadable]:
    """Yield the one document of a file."""
    try:
        text = decode(content(part, source, request))
        yield new_document(part, cue_text(text))
    except CorruptInput as damage:
        yield unreadable(part, damage)


def cue_text(text: str) -> str:
    r"""Return the text of the cues, one sentence per line. Raises `CorruptInput` without cues.

    >>> cue_text("00:01.000 --> 00:02.000\n- We were\n\n2\n00:02.100 --> 00:03.000\nhere.")
    'We were here.'
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines: list[str] = []
    open_line: list[str] = []
    ended: float | None = 0.0
    found = list(CUE.finditer(text))
    all_times = [TIMES.fullmatch(cue[0].rpartition("\n")[2]) for cue in found]
    if not any(all_times):
        raise CorruptInput(0, "no cues: not a file of subtitles")
    for cue, times, following in zip(found, all_times, [*found[1:], None], strict=True):
        body = text[cue.end() : following.start() if following else None].lstrip("\n")
        body = re.split(r"\n[ \t]*\n", body)[0]  # after it: the next cue's number, or a note
        body = SOUND.sub("", unescape(TAG.sub("", body)))
        begun = _seconds(times.groups()[:4]) if times else None
        if open_line and begun is not None and ended is not None and begun - ended > PAUSE_SECONDS:
            lines.append(" ".join(open_line))
            open_line.clear()
        ended = _seconds(times.groups()[4:]) if times else None
        for line in body.split("\n"):
            speaker = SPEAKER.match(line)
            words = " ".join(line[speaker.end() if speaker else 0 :].split())
            if speaker and open_line:
                lines.append(" ".join(open_line))
                open_line.clear()
            open_line += [words] if words else []
            if ENDED.search(words):
                lines.append(" ".join(open_line))
                open_line.clear()
    return "\n".join([*lines, " ".join(open_line)] if open_line else lines)


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, milliseconds = (int(part or 0) for part in parts)
    return 3600 * hours + 60 * minutes + seconds + milliseconds / 1000
