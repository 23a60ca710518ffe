"""Two texts side by side, with what differs marked.

Choice: only the words around what differs are shown, for near-duplicates are mostly the same.
"""

from difflib import SequenceMatcher

AROUND = 4
"""Words to show on both sides of what differs."""
SHOWN = 400
"""Characters to show of each text."""
COMPARED = 20_000
"""Characters to compare of each text."""


def side_by_side(one: str, other: str) -> tuple[str, str]:
    """Return the parts of two texts where they differ, the differing words in double brackets.

    >>> side_by_side("It was the best of times.", "It was the worst of times.")
    ('It was the [[best]] of times.', 'It was the [[worst]] of times.')
    """
    left, right = one[:COMPARED].split(), other[:COMPARED].split()
    shown: tuple[list[str], list[str]] = [], []
    blocks = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    for place, (what, *places) in enumerate(blocks):
        for text, words in zip(
            shown, (left[places[0] : places[1]], right[places[2] : places[3]]), strict=True
        ):
            if what != "equal":
                text.append(f"[[{' '.join(words)}]]")
                continue
            before = words[: AROUND if place else 0]
            behind = (
                words[max(len(before), len(words) - AROUND) :] if place < len(blocks) - 1 else []
            )
            gap = ["…"] if len(before) + len(behind) < len(words) else []
            text += [*before, *gap, *behind]
    marked = [" ".join(text) for text in shown]
    return _cut(marked[0]), _cut(marked[1])


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 2] + " …"
