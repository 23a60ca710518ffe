"""A plugin: pages that shout are dropped, footers are cut, and .chat files are read."""

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from lmkit.plugins import Document, Fraction, Group, Plugin, Record, RuleSet

plugin = Plugin()


class Shouting(Group):
    """Words in capitals."""

    max_capitals: Fraction | None = 0.3
    """Drop texts with a larger fraction of words in capitals."""


@plugin.rule_set
class ShoutingRules(RuleSet):
    """A limit for words in capitals."""

    names = ("shouting",)
    group = "shouting"
    options = Shouting

    def of_texts(self, texts: Sequence[str]) -> dict[str, list[float]]:
        """Return a number for each text: the signal that max_capitals limits."""
        return {"capitals": [capitals(text) for text in texts]}


def capitals(text: str) -> float:
    """Return the fraction of words in capitals."""
    words = text.split()
    return sum(map(str.isupper, words)) / max(1, len(words))


class Footers(Group):
    """Footers of pages."""

    begins: str = "Share this"
    """What the first line of a footer begins with."""


@plugin.transform("footers", Footers)
def without_footer(document: Document, options: Footers) -> Document | None:
    """Cut the footer of a page; drop a page that is nothing else."""
    text = f"\n{document.text}".partition(f"\n{options.begins}")[0]
    return document.with_text(text.strip()) if text.strip() else None


@plugin.reader("chat", endings=(".chat",))
def read_chat(file: BinaryIO) -> Iterator[Record]:
    """Read a line `speaker: text` for each document."""
    for line in file:
        speaker, _, text = line.decode().strip().partition(": ")
        yield Record(text, {"speaker": speaker})
