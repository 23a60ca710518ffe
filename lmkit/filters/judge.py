"""Judges texts by the rules, a batch at a time.

Choices:
- Signals that no rule set needs aren't computed: the default rules remain cheap.
- The language is a rule like any other, the first one: its signal is the probability that the text
  is in one of the requested languages.
- There is one judge per process, with a cache of word statistics; a verdict depends only on the
  text and the options.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.documents_file import Document, Outcome, Rejected
from lmkit.filters.document_signals import (
    alphanumeric_fraction,
    line_lengths,
    markup_fraction,
    repeated_fraction,
    visible_and_letters,
)
from lmkit.filters.language_label import LanguageLabeller, base_language
from lmkit.filters.options import FiltersConfig
from lmkit.filters.profanity import WordLists
from lmkit.filters.quality_classifier import QualityClassifier
from lmkit.filters.rules import CLASSIFIER_SCORE, LanguageRule, Rule, rules_of
from lmkit.filters.url_blocklist import BlockLists, urls_of
from lmkit.text.invisible_characters import is_visible
from lmkit.text.normalization import SURROGATES

if TYPE_CHECKING:
    from lmkit.filters.word_signals import WordSignals

END_MARKS = {"quotes": ".?!\"'", "strict": '.?!"', "any": None, None: None}
EMPTY = "empty"
BATCH_CHARACTERS = 1 << 19
BATCH_DOCUMENTS = 1 << 14
RecordSignals = Callable[[Sequence[Sequence[str | None]], dict[str, NDArray[Any]]], None]
"""Takes ids, sources, languages and reasons, and the quality signals of the same documents."""


@dataclass(frozen=True)
class Verdict:
    """Whether a text is kept, and in which form."""

    reason: str | None
    """The rule that drops it; None if it is kept."""
    decided: str | None
    """The rule with the signal's value and the limit."""
    text: str
    """The text without removed lines."""


@dataclass(frozen=True)
class Judged:
    """The verdicts of a batch, and all quality signals."""

    verdicts: list[Verdict]
    signals: dict[str, NDArray[Any]]
    """Columns by name; empty texts have zeros."""


class Judge:
    """Judges texts by one set of options."""

    def __init__(self, filters: FiltersConfig, language: LanguageRule | None = None) -> None:
        self.rules: list[Rule] = [*rules_of(filters, language)]
        self._labeller = LanguageLabeller(language.languages) if language else None
        self._profanity = self._block_lists = None
        if "profanity" in filters.rules:
            self._profanity = WordLists(filters.profanity.lists)
        if "url" in filters.rules:
            self._block_lists = BlockLists(filters.url.domains, filters.url.words)
        self._classifier = None
        if filters.classifier:
            self._classifier = QualityClassifier.load(filters.classifier)
        self._sets = frozenset(filters.rules)
        self._cut = filters.c4.cut_lines
        self._measurer = self._word_signals(filters)

    def _word_signals(self, filters: FiltersConfig) -> "WordSignals | None":
        by_words = {"gopher", "gopher-repetition", "gopher-quality", "fineweb"}
        by_lines = {"c4-paper", "c4-code"}
        if not self._sets & (by_words | by_lines):
            return None
        from lmkit.filters.c4 import LineRules  # slow to load, and not needed for the default
        from lmkit.filters.word_signals import WordSignals

        c4 = None
        if self._sets & by_lines:
            end_marks = END_MARKS[filters.c4.end_marks]
            c4 = LineRules(filters.c4.min_line_words or 1, end_marks, "c4-code" in self._sets)
        repetition = bool(self._sets & {"gopher", "gopher-repetition"})
        return WordSignals(repetition=repetition, c4=c4)

    def judge_documents(self, documents: Sequence[Document]) -> tuple[Sequence[Document], Judged]:
        """Judge documents by text and metadata; return them with their labels."""
        extra_signals: dict[str, NDArray[Any]] = {}
        if self._labeller:
            documents, extra_signals = self._labeller.label(documents)
        if lists := self._profanity:
            counts = [lists.count(one.text, base_language(one.metadata)) for one in documents]
            extra_signals["profanity.entries"] = np.array(counts, np.int64)
        if blocked := self._block_lists:
            urls = [urls_of(document) for document in documents]
            for name, count in (
                ("url.listed_domains", blocked.listed_domains),
                ("url.listed_words", blocked.listed_words),
            ):
                extra_signals[name] = np.array([count(page_urls) for page_urls in urls], np.int64)
        return documents, self.judge([document.text for document in documents], extra_signals)

    def judge(
        self, texts: Sequence[str], extra_signals: Mapping[str, NDArray[Any]] | None = None
    ) -> Judged:
        """Judge some texts; `extra_signals` are those of the metadata.

        >>> [verdict.decided for verdict in Judge(FiltersConfig()).judge(["too short"]).verdicts]
        ['too_short 8 < 25']
        """
        is_nonempty = np.array([is_visible(text) for text in texts], bool)
        nonempty_texts = [
            _without_surrogates(text)
            for text, nonempty in zip(texts, is_nonempty, strict=True)
            if nonempty
        ]
        columns, lines_left = self._signals(nonempty_texts)
        signals = {name: _scattered(values, is_nonempty) for name, values in columns.items()}
        signals = {**(extra_signals or {}), **signals}
        deciding = np.full(len(texts), -1)
        for number in range(len(self.rules) - 1, -1, -1):
            rule = self.rules[number]
            if rule.limit is not None:
                deciding[rule.breaks(signals[rule.signal])] = number
        verdicts: list[Verdict] = []
        kept_lines = iter(lines_left)
        for at, text in enumerate(texts):
            if not is_nonempty[at]:
                verdicts.append(Verdict(EMPTY, "empty 0 < 1", text))
                continue
            lines = next(kept_lines, None)
            if (number := int(deciding[at])) >= 0:
                rule = self.rules[number]
                value = signals[rule.signal][at].item()
                verdicts.append(Verdict(rule.reason, rule.decided(value), text))
            elif lines is None or not self._cut:
                verdicts.append(Verdict(None, None, text))
            else:
                left = "\n".join(lines).strip()
                reason = None if left else "c4.no_lines"
                decided = None if left else "c4.no_lines 0 < 1"
                verdicts.append(Verdict(reason, decided, left or text))
        return Judged(verdicts, signals)

    def _signals(self, texts: Sequence[str]) -> tuple[dict[str, NDArray[Any]], Sequence[list[str]]]:
        """Return the signals, and the lines of each text that C4 keeps, if its rules are used."""
        columns: dict[str, NDArray[Any]] = {}
        kept_lines: Sequence[list[str]] = ()
        if self._measurer and texts:
            measured = self._measurer.measure(texts)
            columns, kept_lines = measured.columns, measured.kept_lines
        elif self._measurer:
            columns = {rule.signal: np.zeros(0) for rule in self.rules}
        if any(rule.signal == "characters" for rule in self.rules):
            counts = [visible_and_letters(text) for text in texts]
            visible, letters = np.array(counts, np.int64).reshape(-1, 2).T
            columns["characters"] = visible
            columns["letters"] = letters / np.maximum(1, visible)
            columns["repeats"] = np.array([repeated_fraction(t) for t in texts], float)
        if self._classifier:
            columns[CLASSIFIER_SCORE] = self._classifier.score(texts)
        if "markup" in self._sets:
            columns["markup.share"] = np.array([markup_fraction(t) for t in texts], float)
        if "source-code" in self._sets:
            lengths = [line_lengths(text) for text in texts]
            columns["source_code.longest_line"] = np.array([n for n, _ in lengths], np.int64)
            columns["source_code.mean_line_length"] = np.array([n for _, n in lengths], float)
            fractions = [alphanumeric_fraction(text) for text in texts]
            columns["source_code.alphanumeric"] = np.array(fractions, float)
        return columns, kept_lines


def _without_surrogates(text: str) -> str:
    """Replace unpaired surrogates, which Arrow rejects, by another character."""
    try:
        text.encode()  # many times faster than a regular expression
    except UnicodeEncodeError:
        return SURROGATES.sub("\ufffd", text)
    return text


def _scattered(values: NDArray[Any], is_nonempty: NDArray[np.bool_]) -> NDArray[Any]:
    """Insert zeros for empty texts."""
    scattered = np.zeros(len(is_nonempty), values.dtype)
    scattered[is_nonempty] = values
    return scattered


JUDGES: dict[tuple[str, LanguageRule | None, tuple[str, int] | None], Judge] = {}


def judge_for(filters: FiltersConfig, language: LanguageRule | None = None) -> Judge:
    """Return the judge of this process, with its cache."""
    state = QualityClassifier.state(filters.classifier) if filters.classifier else None
    key = filters.model_dump_json(), language, state
    if key not in JUDGES:
        JUDGES[key] = Judge(filters, language)
    return JUDGES[key]


def judged(outcomes: Iterable[Outcome], judge: Judge, record: RecordSignals) -> Iterator[Outcome]:
    """Judge the documents of a stream, and `record` their signals; their order is unchanged."""
    batch: list[Outcome] = []
    characters = 0
    for outcome in outcomes:
        batch.append(outcome)
        characters += outcome.size if isinstance(outcome, Document) else 0
        if characters >= BATCH_CHARACTERS or len(batch) >= BATCH_DOCUMENTS:
            yield from _judged_batch(batch, judge, record)
            batch, characters = [], 0
    yield from _judged_batch(batch, judge, record)


def _judged_batch(
    batch: Sequence[Outcome], judge: Judge, record: RecordSignals
) -> Iterator[Outcome]:
    found = [outcome for outcome in batch if isinstance(outcome, Document)]
    verdicts: Iterator[tuple[Document, Verdict]] = iter(())
    if found:
        documents, judged = judge.judge_documents(found)
        languages = [document.metadata.get("language") for document in documents]
        facts = (
            [document.id for document in documents],
            [document.source for document in documents],
            [language if isinstance(language, str) else None for language in languages],
            [verdict.reason for verdict in judged.verdicts],
        )
        record(facts, judged.signals)
        verdicts = iter(zip(documents, judged.verdicts, strict=True))
    for outcome in batch:
        if not isinstance(outcome, Document):
            yield outcome
            continue
        document, verdict = next(verdicts)
        if verdict.reason:
            yield Rejected(document, verdict.reason, verdict.decided)
        else:
            yield document if verdict.text is document.text else document.with_text(verdict.text)
