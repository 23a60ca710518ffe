"""Texts that end a generation, found while it arrives in parts.

Choices:
- The occurrence that is complete first ends the text; of those that end together, the longest. So
  the result doesn't depend on how the text is split into tokens.
- What may be the beginning of a stop text is held back until it is one or isn't: nothing that was
  shown is taken back.
"""

from collections.abc import Sequence


class StopTexts:
    r"""Looks for the first of some texts; the first `skip` characters are shown and not searched.

    >>> stop = StopTexts(["\\n\\n", "END"])
    >>> stop.push("one\\n"), stop.push("two E"), stop.push("ND three"), stop.found
    ('one', '\\ntwo ', '', True)
    """

    def __init__(self, texts: Sequence[str], skip: int = 0) -> None:
        self._texts, self._skip = tuple(texts), skip
        self._held = ""
        self.found = False

    def push(self, new: str, tail: str = "") -> str:
        """Add text, and return what can be shown.

        A stop text may end in `tail`, text that may still change: it doesn't once it has ended the
        generation.
        """
        text = self._held + new
        if (end := self._first(text + tail)) is not None:
            self.found, self._held = True, ""
            return (text + tail)[:end]
        shown = text[: len(text) - self._beginning_of_a_stop(text[self._skip :])]
        self._held, self._skip = text[len(shown) :], max(0, self._skip - len(shown))
        return shown

    def finish(self, tail: str) -> str:
        """Return what was held back, with the text that was still to come, up to a stop text."""
        shown = self.push(tail)
        held, self._held = self._held, ""
        return shown + held

    def _first(self, text: str) -> int | None:
        """Return where the first stop text begins."""
        spans = [
            (start + len(each), start)
            for each in self._texts
            if (start := text.find(each, self._skip)) >= 0
        ]
        return min(spans)[1] if spans else None

    def _beginning_of_a_stop(self, text: str) -> int:
        """Return the length of the longest end of the text that a stop text begins with."""
        longest = max(map(len, self._texts), default=1) - 1
        for length in range(min(longest, len(text)), 0, -1):
            if any(each.startswith(text[-length:]) for each in self._texts):
                return length
        return 0
