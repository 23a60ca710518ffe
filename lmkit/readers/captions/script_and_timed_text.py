"""The cues of Advanced SubStation Alpha (.ass, .ssa) and of Timed Text (.ttml, .dfxp).

TTML: https://www.w3.org/TR/ttml2/. The script format has no standard.

Choices:
- Lines of a script are put in the order of their times: scripts group them by style. Drawings and
  comments are no text.
- A paragraph of timed text is a cue; its line breaks are elements.
"""

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from lmkit.readers.captions.cues import Cue
from lmkit.readers.xml_elements import parse
from lmkit.storage.byte_ranges import CorruptInput

FIELDS = [
    "layer",
    "start",
    "end",
    "style",
    "name",
    *("marginl", "marginr", "marginv", "effect", "text"),
]
DRAWING = re.compile(r"\{[^{}]*\\p[1-9][^{}]*\}")
OVERRIDE = re.compile(r"\{[^{}]*\}")
CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)(?::\d+)?")
OFFSET = re.compile(r"(\d+(?:\.\d+)?)(h|m|s|ms|f|t)")
SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def parse_script(text: str) -> list[Cue]:
    r"""Return the cues of a script.

    >>> parse_script("[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,Main,,0,0,0,,{\\i1}We, too.")
    [Cue(start=1.0, end=2.0, lines=['We, too.'])]
    """
    fields = FIELDS
    cues: list[Cue] = []
    for line in text.splitlines():
        kind, _, rest = line.partition(":")
        kind = kind.strip().lower()
        if kind == "format" and "text" in rest.lower():
            fields = [name.strip().lower() for name in rest.split(",")]
        elif kind == "dialogue":
            values = dict(zip(fields, rest.split(",", len(fields) - 1), strict=False))
            shown = values.get("text", "")
            shown = "" if DRAWING.search(shown) else OVERRIDE.sub("", shown)
            lines = re.split(r"\\[Nn]", shown.replace("\\h", " "))
            cues.append(Cue(_time(values.get("start", "")), _time(values.get("end", "")), lines))
    return sorted(cues, key=lambda cue: cue.start or 0.0)


def parse_timed_text(text: str) -> list[Cue]:
    """Return the cues of timed text. Raises `CorruptInput`."""
    if "<!ENTITY" in text:
        raise CorruptInput(0, "it declares entities, as XML bombs do")
    # The text is decoded already: its declaration may name another encoding.
    root = parse(re.sub(r"\A\ufeff?\s*<\?xml[^>]*\?>", "", text).encode(), "utf-8")
    cues: list[Cue] = []
    for element in root.iter():
        if str(element.tag).rpartition("}")[2] == "p":
            begin, end = _time(element.get("begin", "")), _time(element.get("end", ""))
            duration = _time(element.get("dur", ""))
            if end is None and begin is not None and duration is not None:
                end = begin + duration
            cues.append(Cue(begin, end, "".join(_texts(element)).split("\n")))
    return cues


def _texts(element: ElementTree.Element) -> Iterator[str]:
    """Yield the text of a paragraph: white space is one blank, and breaks are line breaks."""
    yield re.sub(r"\s+", " ", element.text or "")
    for child in element:
        name = str(child.tag).rpartition("}")[2]
        if name == "br":
            yield "\n"
        elif name != "metadata":
            yield from _texts(child)
        yield re.sub(r"\s+", " ", child.tail or "")


def _time(value: str) -> float | None:
    value = value.strip()
    clock, offset = CLOCK.fullmatch(value), OFFSET.fullmatch(value)
    if clock:
        seconds = float(clock[3].replace(",", "."))
        return 3600 * int(clock[1] or 0) + 60 * int(clock[2]) + seconds
    if offset and offset[2] in SECONDS:
        return float(offset[1]) * SECONDS[offset[2]]
    return 0.0 if offset else None  # frames and ticks: their rate only matters for pauses
