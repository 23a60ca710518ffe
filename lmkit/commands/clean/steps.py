"""What happens to documents between reading and writing: the steps of clean, in order.

    transform   what plugins make of a document, as it was read
    language    one code for the language that a document states
    normalize   characters, line ends, white space
    redact      personally identifiable information
    generated   drop source code that a program generated, if that is wanted
    judge       label the language, measure quality signals, apply the rules
    split       sentences, and parts of documents that are too long
    count       outcomes by rule, source and language

Choices:
- A step takes a stream of outcomes and yields one: what an earlier step has rejected, and what
  couldn't be read, passes through all later ones.
- A document is judged after it is normalized, so that white space and punctuation don't count, and
  after PII is replaced, so that examples of dropped documents hold none.
- With --language the label is a code, and what contradicts it is kept as it was stated.
- What a step has counted goes into the receipt when the task ends.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Self, cast

from lmkit.artifacts.document import Document, Outcome, Rejected
from lmkit.artifacts.signals_file import SignalsFile
from lmkit.artifacts.tasks import TaskWriter
from lmkit.commands.clean.options import CleanConfig
from lmkit.filters.judge import judge_for, judged
from lmkit.filters.other_languages import counting_other_languages
from lmkit.filters.outcome_counts import OutcomeCounts
from lmkit.filters.rules import LanguageRule
from lmkit.pii.replacement import Replacer, counts_text
from lmkit.plugins.failures import transformed
from lmkit.plugins.plugin import Transform
from lmkit.text.document_parts import segmented
from lmkit.text.language_names import with_one_code
from lmkit.text.normalization import normalize

PRIVATE_DATA = "private_data"
"""Why a document with PII is dropped."""


class Step(ABC):
    """One thing that is done to the documents of a task."""

    def __init__(self, config: CleanConfig) -> None:
        self.config = config
        self.counts: Counter[str] = Counter()
        """What becomes part of `counts.more` in the manifest."""

    @abstractmethod
    def outcomes(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Yield what becomes of each outcome."""

    def close(self, writer: TaskWriter) -> None:
        """Report what was found, after the last outcome."""
        count_more(writer, self.counts)


class Apply(Step):
    """Applies a transform of a plugin."""

    def __init__(self, config: CleanConfig, plugin: str, transform: Transform) -> None:
        super().__init__(config)
        self._plugin, self._transform = plugin, transform

    def outcomes(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Yield what the transform returns; documents for which that is None are rejected."""
        function, name = self._transform.function, self._transform.name
        options: list[Any] = []
        if self._transform.options:
            options = [getattr(cast(Any, self.config).transform, name.replace("-", "_"))]
        for outcome in outcomes:
            if not isinstance(outcome, Document):
                yield outcome
                continue
            found = transformed(function, outcome, options, self._plugin, name)
            yield Rejected(outcome, f"transform.{name}") if found is None else found


class OneLanguageCode(Step):
    """Writes the language that a document states as one code; what it stated is kept beside."""

    def outcomes(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Yield documents with one code for a language."""
        for outcome in outcomes:
            if isinstance(outcome, Document):
                metadata = with_one_code(outcome.metadata)
                if metadata is not outcome.metadata:
                    outcome = replace(outcome, metadata=metadata)
            yield outcome


class Normalize(Step):
    """Normalizes texts; counts what that removes."""

    def outcomes(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Yield documents with normalized texts."""
        for outcome in outcomes:
            if isinstance(outcome, Document):
                text = normalize(outcome.text, self.config.normalize, self.counts)
                yield outcome if text == outcome.text else outcome.with_text(text)
            else:
                yield outcome


class Redact(Step):
    """Replaces PII, or drops documents with PII; counts it by kind."""

    def outcomes(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Yield documents without PII."""
        replacer, action = Replacer(self.config.pii), self.config.pii.action
        for outcome in outcomes:
            if not isinstance(outcome, Document):
                yield outcome
                continue
            text, found = replacer.replace(outcome.text)
            document = outcome.with_text(text)
            if found and action == "drop":
                yield Rejected(document, PRIVATE_DATA, f"{PRIVATE_DATA} {counts_text(found)}")
            else:
                yield document
        self.counts.update({f"private_{kind}": n for kind, n in replacer.counts.items()})


class DropGenerated(Step):
    """Drops source code that is labelled as generated by a program."""

    def outcomes(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Yield documents without such a label; the others are rejected."""
        for outcome in outcomes:
            if isinstance(outcome, Document) and outcome.metadata.get("generated") is True:
                yield Rejected(outcome, "generated")
            else:
                yield outcome


class Judge(Step):
    """Labels languages, measures quality signals, and applies the rules of the filters."""

    def __init__(self, config: CleanConfig, signals: SignalsFile) -> None:
        super().__init__(config)
        self._signals = signals

    def outcomes(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Yield documents that pass the rules; the others are rejected."""
        filters, language = self.config.filters, None
        if self.config.language:
            language = LanguageRule(self.config.language, self.config.min_language_score)
        verdicts = judged(outcomes, judge_for(filters, language), self._signals.write)
        return counting_other_languages(verdicts, filters, self.counts)


class Split(Step):
    """Marks sentences, and splits documents that are too long."""

    def outcomes(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Yield documents, or their parts."""
        return segmented(outcomes, self.config.sentences, self.config.max_characters)


class CountOutcomes(Step):
    """Counts outcomes by rule, source and language; keeps examples of what was dropped."""

    def __init__(self, config: CleanConfig) -> None:
        super().__init__(config)
        self._outcome_counts = OutcomeCounts(with_texts=config.keep_rejected != "none")

    def outcomes(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Yield the outcomes unchanged."""
        return self._outcome_counts.counted(outcomes)

    def close(self, writer: TaskWriter) -> None:
        """Write the counts to the receipt."""
        writer.facts["ledger"] = self._outcome_counts.report()


class Steps:
    """The steps of a task. A context manager: what they have found is written when it ends."""

    def __init__(self, config: CleanConfig, writer: TaskWriter) -> None:
        self._writer = writer
        self._signals = SignalsFile(writer)
        self._steps: list[Step] = [
            *(
                Apply(config, loaded.name, transform)
                for loaded in config.plugins
                for transform in loaded.plugin.transforms
            ),
            *([] if config.language else [OneLanguageCode(config)]),
            Normalize(config),
            *([Redact(config)] if config.pii.action else []),
            *([] if config.read.generated else [DropGenerated(config)]),
            Judge(config, self._signals),
            Split(config),
            CountOutcomes(config),
        ]

    def outcomes(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Pass outcomes through all steps."""
        for step in self._steps:
            outcomes = step.outcomes(outcomes)
        return iter(outcomes)

    def __enter__(self) -> Self:
        self._signals.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._signals.__exit__(*raised)
        if raised[0] is None:
            for step in self._steps:
                step.close(self._writer)


def count_more(writer: TaskWriter, found: Mapping[str, int]) -> None:
    """Add counts to the receipt of a task."""
    more = {**writer.counts.more, **found}
    writer.counts = writer.counts.model_copy(update={"more": more})
