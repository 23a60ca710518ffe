"""A stand-in of a run's model, with what is needed to score texts."""

from pathlib import Path

from lmkit.evaluation.tasks.task_scorer import ScoredModel
from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.training.checkpoints.trained_model import read_description
from lmkit.training.evaluations.stand_in import StandIn


def stand_in_of(run: Path) -> ScoredModel:
    made = read_description(run)
    model = StandIn(made.config, made.vocabulary_size)
    tokenizer = Tokenizer.load(run / "tokenizer")
    return ScoredModel(model, tokenizer, made.learned, made.packing, made.longest)
