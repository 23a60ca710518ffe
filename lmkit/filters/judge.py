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
from importlib import import_module
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.document import Document, Outcome, Rejected
from lmkit.errors import LmkitError
from lmkit.filters.language_label import LanguageLabeller
from lmkit.filters.options import FilterOptions
from lmkit.filters.quality_classifier import QualityClassifier
from lmkit.filters.rule_set import Measurer, RuleSet, Signals
from lmkit.filters.rules import LanguageRule, Rule
from lmkit.text.invisible_characters import is_visible
from lmkit.text.normalization import SURROGATES

EMPTY = "empty"
ANY_TEXT = "a"
"""A text that has all signals."""
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

    def __init__(self, filters: FilterOptions, language: LanguageRule | None = None) -> None:
        self.rules: list[Rule] = [*filters.in_order(language)]
        self._labeller = LanguageLabeller(language.languages) if language else None
        self._sets = [each(filters) for each in filters.chosen_sets]
        self._measurers = _measurers(self._sets)
        counts = {rule.signal for rule in self.rules if rule.is_count}
        others = {rule.signal for rule in self.rules if not rule.is_count}
        self._counts = counts - others

    def judge_documents(self, documents: Sequence[Document]) -> tuple[Sequence[Document], Judged]:
        """Judge documents by text and metadata; return them with their labels."""
        extra_signals: dict[str, NDArray[Any]] = {}
        if self._labeller:
            documents, extra_signals = self._labeller.label(documents)
        for each in self._sets:
            extra_signals |= self._columns(each, each.of_documents(documents), len(documents))
        return documents, self.judge([document.text for document in documents], extra_signals)

    def judge(
        self, texts: Sequence[str], extra_signals: Mapping[str, NDArray[Any]] | None = None
    ) -> Judged:
        """Judge some texts; `extra_signals` are those of the metadata.

        >>> from lmkit.filters.options import FiltersConfig
        >>> [verdict.decided for verdict in Judge(FiltersConfig()).judge(["too short"]).verdicts]
        ['too_short 8 < 25']
        """
        is_nonempty = np.array([is_visible(text) for text in texts], bool)
        nonempty_texts = [*compress(texts, is_nonempty)]
        if self._measurers or self._sets:
            nonempty_texts = [*map(_without_surrogates, nonempty_texts)]
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
            elif lines is None:
                verdicts.append(Verdict(None, None, text))
            else:
                left = "\n".join(lines).strip()
                reason = None if left else "c4.no_lines"
                decided = None if left else "c4.no_lines 0 < 1"
                verdicts.append(Verdict(reason, decided, left or text))
        return Judged(verdicts, signals)

    def _signals(self, texts: Sequence[str]) -> tuple[dict[str, NDArray[Any]], Sequence[list[str]]]:
        """Return the signals, and the lines of each text that are kept, if a rule cuts lines."""
        if not texts:  # a column must have the same type in all batches
            columns, _ = self._signals([ANY_TEXT])
            return {name: column[:0] for name, column in columns.items()}, ()
        columns: dict[str, NDArray[Any]] = {}
        kept_lines: Sequence[list[str]] = ()
        for measurer in self._measurers:
            measured = measurer.measure(texts)
            columns |= measured.columns
            kept_lines = kept_lines or measured.kept_lines
        for each in self._sets:
            columns |= self._columns(each, each.of_texts(texts), len(texts))
        return columns, kept_lines

    def _columns(self, of: RuleSet, signals: Signals, count: int) -> dict[str, NDArray[Any]]:
        """Return the signals of a rule set as arrays, by their full names."""
        columns: dict[str, NDArray[Any]] = {}
        for name, values in signals.items():
            full_name = f"{of.group}.{name}" if of.group else name
            column = np.asarray(values)
            is_count = full_name in self._counts
            if column.shape != (count,) or column.dtype.kind not in ("biu" if is_count else "biuf"):
                expected = "an integer" if is_count else "a number"
                raise LmkitError(
                    f"rule set {of.names[0]}: the signal {name} must have {expected} for each of "
                    f"{count:,} texts, and has {len(values):,} values of type {column.dtype}"
                )
            columns[full_name] = column.astype(np.int64 if is_count else np.float64, copy=False)
        return columns


def _measurers(sets: Sequence[RuleSet]) -> list[Measurer]:
    """Return what measures several sets at once."""
    paths = dict.fromkeys(each.measurer for each in sets if each.measurer)
    measurers: list[Measurer] = []
    for path in paths:
        module, _, name = path.rpartition(".")
        make: Callable[[Sequence[RuleSet]], Measurer] = getattr(import_module(module), name)
        measurers.append(make([each for each in sets if each.measurer == path]))
    return measurers


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


def judge_for(filters: FilterOptions, language: LanguageRule | None = None) -> Judge:
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
