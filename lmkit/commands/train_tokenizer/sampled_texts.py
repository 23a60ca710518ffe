"""The texts that a tokenizer is trained on, and those of its report."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from lmkit.artifacts.documents_file import Document, Unreadable
from lmkit.artifacts.inputs import Slice
from lmkit.artifacts.manifest import Counts
from lmkit.commands.train_tokenizer.options import TrainTokenizerConfig
from lmkit.readers.dispatch import read_slice
from lmkit.text.surrogates import well_formed
from lmkit.tokenizers.training_sample import keyed_pieces


class SampledTexts:
    """The sampled texts, read again in every iteration; its counts are those of the last one."""

    def __init__(
        self,
        config: TrainTokenizerConfig,
        slices: tuple[Slice, ...],
        training_limits: Mapping[str, int],
        report_limits: Mapping[str, int],
    ) -> None:
        self._config, self._slices = config, slices
        self._training_limits, self._report_limits = training_limits, report_limits
        self._reset()

    def _reset(self) -> None:
        self.documents: Counter[str] = Counter()
        self.bytes = 0
        self.unreadable: list[Unreadable] = []
        self.reported: defaultdict[str, list[str]] = defaultdict(list)
        """Texts to report on, by source."""

    def __iter__(self) -> Iterator[str]:
        self._reset()
        for part in self._slices:
            for document in read_slice(
                part, [], source=self._config.source, max_record=self._config.max_record
            ):
                if isinstance(document, Unreadable):
                    self.unreadable.append(document)
                else:
                    yield from self._sampled(document)

    def _sampled(self, document: Document) -> Iterator[str]:
        source, sampled = well_formed(document.source), 0
        for key, piece in keyed_pieces(self._config.seed, document.id, document.text):
            if key < self._report_limits[source]:
                self.reported[source].append(piece)
            if key < self._training_limits[source]:
                sampled += 1
                self.bytes += len(piece.encode("utf-8", "replace"))
                yield piece
        self.documents["used" if sampled else "not_drawn" if document.text else "empty"] += 1

    @property
    def counts(self) -> Counts:
        """Counts of the documents by outcome."""
        kinds, quarantined = self.documents, len(self.unreadable)
        return Counts(
            documents_in=kinds.total() + quarantined,
            documents_out=kinds["used"],
            dropped={kind: kinds[kind] for kind in ("empty", "not_drawn") if kinds[kind]},
            quarantined=quarantined,
            more={"bytes_of_text": self.bytes},
        )
