"""The options of `lmkit train-classifier`."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from lmkit.artifacts.options import QUARANTINE_FILES, ReadsRecords
from lmkit.config import POSITIONAL, StageConfig
from lmkit.execution.executors.options import SharesTasks


class TrainClassifierConfig(ReadsRecords, SharesTasks, StageConfig):
    """Train a quality classifier: name two folders, GOOD documents and then ORDINARY ones."""

    stage = "train-classifier"
    example = "lmkit train-classifier good/ ordinary/ --output work/classifier"
    output_patterns = (r"classifier\.json|weights\.npy", QUARANTINE_FILES)

    inputs: Annotated[tuple[Path, ...], POSITIONAL] = ()
    """Two folders or files of documents: good ones, then ordinary ones."""

    documents: Annotated[int, Field(ge=20)] = 20_000
    """Most documents of each kind to train on, chosen by their hash; only the first 20,000
    characters of a document are read. 20,000 need about 1 GB of memory."""

    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Fraction of the documents that are kept aside to measure the classifier."""

    @model_validator(mode="after")
    def _two_inputs(self) -> "TrainClassifierConfig":
        if len(self.inputs) != 2 or self.inputs_from is not None:
            raise ValueError(
                f"INPUTS: got {len(self.inputs)}, must be two: a folder of good documents, and "
                "then one of ordinary documents"
            )
        if self.inputs[0] == self.inputs[1]:
            raise ValueError("INPUTS: got the same folder twice; good and ordinary must differ")
        return self
