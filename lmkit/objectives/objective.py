"""What an objective is: options, and from a tokenizer to a function that makes batches.

Choices:
- Batches are made by a function of sequences and of the keys of their random numbers. So a batch is
  the same for any number of processes, in any order, and after resuming.
- Special tokens that a tokenizer doesn't have are reported before any work.
- All that differs between objectives is a method here, with the default of most of them: no other
  room asks for the name of an objective.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from lmkit.config import Group
from lmkit.errors import InputError
from lmkit.objectives.batch import MakeBatch
from lmkit.objectives.options import ObjectiveOptions
from lmkit.objectives.prompt_formats import PromptFormat
from lmkit.tokenizers.tokenizer import Tokenizer

OptionsT = TypeVar("OptionsT", bound=Group)


@dataclass(frozen=True)
class Packing:
    """How documents were packed into sequences."""

    sequence_length: int
    bos: int | None
    eos: int | None
    """Ids added around each document; None where there was none."""


@dataclass(frozen=True)
class Objective(ABC, Generic[OptionsT]):
    """What a model is trained to predict, with the options of that."""

    name: str
    """As in --objective."""
    options: OptionsT

    predicts_whole_text: ClassVar[bool] = False
    """Whether each token of a text is predicted exactly once, so that bits per byte are known."""

    @abstractmethod
    def make(self, tokenizer: Tokenizer, packing: Packing) -> MakeBatch:
        """Return the function that makes batches; InputError where a special token is missing."""

    @property
    def scored(self) -> Self:
        """The objective of evaluation."""
        return self

    def positions_needed(self, sequence_length: int) -> int:
        """Return the maximum length of a document in a batch."""
        return sequence_length

    def prompt_format(self, packing: Packing) -> PromptFormat | None:
        """Return the format of a prompt; None: a model that learned it can't generate."""
        del packing
        return None


def objective_of(config: ObjectiveOptions) -> Objective[Any]:
    """Return the objective that is chosen, with its options."""
    return config.entry.implementation(config.objective, config.chosen)


def required(token: int | None, what: str, option: str) -> int:
    """Return a token's id; InputError where the tokenizer has none.

    >>> required(4, "a mask token", "--objective mlm")
    4
    """
    if token is None:
        raise InputError(
            f"{option} needs {what}, and the tokenizer has none",
            "pack with a tokenizer that has one, such as one made by lmkit train-tokenizer",
        )
    return token


def ordinary(tokenizer: Tokenizer) -> NDArray[np.bool_]:
    """Return for each id whether it is a token, but not a special one."""
    names = [tokenizer.text_of(number) for number in range(tokenizer.size)]
    is_ordinary_V = np.array([name is not None for name in names])
    is_ordinary_V[tokenizer.special] = False
    t = tokenizer  # an imported one may have roles for tokens that it doesn't mark as special
    roles = (t.pad, t.unknown, t.bos, t.eos, t.mask, t.class_, t.separator)
    is_ordinary_V[[token for token in roles if token is not None]] = False
    return is_ordinary_V
