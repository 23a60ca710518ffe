"""Counts listed words and phrases in texts.

Choices:
- An entry must match complete words, in any case: `ass` doesn't match `assess`. In scripts without
  spaces between words it matches anywhere.
- The lists here are short, and of words that hardly have another meaning. Longer ones are read from
  files, such as LDNOOBW's, which C4 used: any page with one of its words was dropped.
- A list for a language is applied to texts in that language, and to texts of unknown language.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from lmkit.artifacts.document import Document
from lmkit.text.language_names import base_language
from lmkit.text.unspaced_scripts import UNSPACED_CLASS
from lmkit.text.word_list_files import read_entries

WORDS: dict[str, tuple[str, ...]] = {
    "en": (
        "asshole",
        "assholes",
        "blowjob",
        "blowjobs",
        "bukkake",
        "cocksucker",
        "cumshot",
        "cunt",
        "cunts",
        "faggot",
        "fuck",
        "fucked",
        "fucker",
        "fuckers",
        "fucking",
        "fucks",
        "gangbang",
        "handjob",
        "motherfucker",
        "motherfuckers",
        "motherfucking",
        "nigger",
    ),
    "de": (
        "arschficker",
        "arschloch",
        "fick dich",
        "ficken",
        "ficker",
        "fickt",
        "fotze",
        "fotzen",
        "gefickt",
        "hurensohn",
        "hurensöhne",
        "scheißkerl",
        "wichsen",
        "wichser",
    ),
    "es": (
        "cabrón",
        "chinga tu madre",
        "chingada",
        "follar",
        "gilipollas",
        "hijo de puta",
        "hijos de puta",
        "jodido",
        "jódete",
        "mamada",
        "me cago en",
        "pendejo",
        "puta madre",
    ),
    "fr": (
        "branlette",
        "connard",
        "connards",
        "enculé",
        "enculer",
        "enculés",
        "fils de pute",
        "nique ta mère",
        "partouze",
        "salope",
        "salopes",
        "ta gueule",
        "va te faire foutre",
    ),
}
TOKEN = re.compile(r"\w+|[^\w\s]")
HAS_UNSPACED = re.compile(f"[{UNSPACED_CLASS}]")


class WordList:
    """Entries, prepared for the search."""

    def __init__(self, entries: Sequence[str]) -> None:
        folded = {entry.casefold() for entry in entries}
        self._unspaced = sorted(entry for entry in folded if HAS_UNSPACED.search(entry))
        self._by_first: dict[str, list[tuple[str, ...]]] = {}
        for entry in sorted(folded.difference(self._unspaced)):
            first, *rest = TOKEN.findall(entry)
            self._by_first.setdefault(first, []).append((first, *rest))
        for phrases in self._by_first.values():
            phrases.sort(key=len, reverse=True)

    def count(self, text: str) -> int:
        """Count the matches of entries; if several begin at a word, the longest counts.

        >>> WordList(["ass", "bad word"]).count("Assess this ASS, and a bad word.")
        2
        """
        folded = text.casefold()
        found = sum(folded.count(entry) for entry in self._unspaced)
        tokens = TOKEN.findall(folded)
        if self._by_first.keys().isdisjoint(tokens):
            return found
        at = 0
        while at < len(tokens):
            phrases = self._by_first.get(tokens[at], ())
            same = (one for one in phrases if tuple(tokens[at : at + len(one)]) == one)
            length = len(next(same, ()))
            found += length > 0
            at += length or 1
        return found


class WordListName(NamedTuple):
    """The name of a list in an option."""

    language: str | None
    """The language of the texts that it is applied to; None for all."""
    path: Path | None
    """Its file; None for one that comes with lmkit."""

    @classmethod
    def parse(cls, name: str) -> "WordListName":
        """Parse `de`, `FILE` or `de:FILE`.

        >>> WordListName.parse("de:words.txt").language
        'de'
        """
        if name in WORDS:
            return cls(name, None)
        language, colon, path = name.partition(":")
        if colon and re.fullmatch("[a-z]{2,3}", language):
            return cls(language, Path(path))
        return cls(None, Path(name))

    def load(self) -> WordList:
        """Read the file, or use the list that comes with lmkit."""
        entries = WORDS[self.language or ""] if self.path is None else read_entries(self.path)
        return WordList(entries)


class WordLists:
    """Several lists, each for a language."""

    def __init__(self, names: Sequence[str]) -> None:
        listed = [WordListName.parse(name) for name in names]
        self._lists = [(one.language, one.load()) for one in listed]

    def count_in(self, document: Document) -> int:
        """Count the matches in a document, of the lists for its language."""
        return self.count(document.text, base_language(document.metadata))

    def count(self, text: str, language: str | None) -> int:
        """Count the matches of the lists for a language."""
        return sum(words.count(text) for words in self._for(language))

    def _for(self, language: str | None) -> Iterator[WordList]:
        for list_language, words in self._lists:
            if list_language is None or not language or list_language == language:
                yield words
