"""A trained model in Python: `lmkit.load("work/run")`.

Choices:
- It is opened, generates and scores as `lmkit generate` and `lmkit eval` do, by the same functions:
  same options, same numbers.
- Options are checked as those that are typed, and errors name them so.
- The torch module is there for all else: `.model` in evaluation mode, fp32, on `.device`.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from lmkit.commands.generate.options import GenerateConfig
from lmkit.commands.generate.run import Sample, check_prompts, prompt_runner, samples
from lmkit.errors import ConfigError
from lmkit.evaluation.documents import Scorer
from lmkit.evaluation.text_embeddings import Pooling, embed_texts
from lmkit.evaluation.token_scores import ScoredText, score_texts
from lmkit.execution.guarded_script import end_worker_that_runs_the_script
from lmkit.execution.short_view import ShortView
from lmkit.generation.prompts_file import PromptLine
from lmkit.model.cost import parameters
from lmkit.model.transformer import Transformer
from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.training.checkpoints.open_model import find_model, open_model
from lmkit.training.checkpoints.trained_model import Description, TrainedModel
from lmkit.training.precision import DeviceName, find_device


def load(path: str | Path, device: DeviceName = "auto") -> "LoadedModel":
    """Open a trained model.

        model = lmkit.load("work/run")
        model.generate("Once upon a time", max_tokens=40)[0].text
        model.score(["A text.", "Another."])[0].bits_per_byte
        model.embed(["A text.", "Another."]).shape

    Args:
        path: a run (its best checkpoint, else its latest), one checkpoint of it, or a Transformers
            folder of a family that lmkit exports.
        device: where it computes; auto is the fastest that there is.

    Raises InputError for a folder that is none of these, or is corrupt.

    """
    end_worker_that_runs_the_script()
    found = find_model(Path(path))
    return LoadedModel(Path(path), found, open_model(found, find_device(device)))


class LoadedModel(ShortView):
    """A trained model with its tokenizer: what `lmkit.load` returns."""

    def __init__(self, path: Path, checkpoint: Path, trained: TrainedModel) -> None:
        self.path = path
        """As it was given."""
        self.checkpoint = checkpoint
        """The folder of its weights."""
        self._trained = trained

    @property
    def model(self) -> Transformer:
        """The torch module, in evaluation mode; see `help(type(model.model).forward)`."""
        return self._trained.model

    @property
    def tokenizer(self) -> Tokenizer:
        """Its tokenizer: `encode`, `decode` and the ids of the special tokens."""
        return self._trained.tokenizer

    @property
    def description(self) -> Description:
        """What it was trained for: objective, lengths, special tokens around a document."""
        return self._trained.description

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.model.embedding.weight.device

    def generate(
        self,
        prompts: str | Sequence[str] = "",
        *,
        suffix: str = "",
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        repetition_penalty: float = 1.0,
        stop: Sequence[str] = (),
        alternatives: int | None = None,
        samples_each: int = 1,
        seed: int = 0,
        batch: int = 8,
    ) -> list[Sample]:
        """Continue prompts, or fill their masks, as the model was trained to.

        The options are those of `lmkit generate`, where they are explained
        (`help(lmkit.GenerateConfig)`); `samples_each` is its `--samples`.

        Args:
            prompts: one text, for which the samples are those of `--prompt`; or several, for which
                they are those of a file with `--prompts`.
            suffix: text after each prompt, of which the model generates the middle.
            max_tokens: most tokens to generate.
            temperature: 0 takes the likeliest token; None: 0.8, and 0 for masks.
            top_k: sample from this many of the likeliest tokens.
            top_p: sample from the fewest tokens that together have this probability.
            min_p: sample from tokens with this fraction of the likeliest token's probability.
            repetition_penalty: above 1, tokens of the text become less likely.
            stop: texts that end a continuation.
            alternatives: likeliest tokens to return for each mask; None: 5.
            samples_each: texts for each prompt.
            seed: the same seed generates the same text.
            batch: texts to continue at once.

        Returns the samples of the first prompt, then those of the second, and so on: each has
        `.text`, `.generated` with its parts, and for masks `.generated.spans[0].alternatives`.
        Raises ConfigError for an option that is out of range or has no meaning for this model,
        InputError naming a prompt that can't be answered.

        """
        config = _config(
            run=self.path,
            max_tokens=max_tokens,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            repetition_penalty=repetition_penalty,
            stop=tuple(stop),
            alternatives=alternatives,
            samples=samples_each,
            seed=seed,
            batch=batch,
        )
        runner = prompt_runner(config, self._trained)
        if isinstance(prompts, str):
            return list(samples(config, runner, [PromptLine(prompts, suffix)]))
        lines = [PromptLine(each, suffix, f"prompts[{n}]") for n, each in enumerate(prompts)]
        check_prompts(config, runner, lines)
        return list(samples(config, runner, lines))

    def score(self, texts: str | Iterable[str]) -> list[ScoredText]:
        """Return how well the model predicts texts: log-probabilities by token, bits per byte.

        With clm each text is read from its beginning, as by `lmkit eval --data`, and all of its
        tokens are predicted. With other objectives some are masked, from a fixed seed, and bits per
        byte aren't known. The `.score` of several texts can be added: `one.score + other.score`.

        Args:
            texts: one text or several.

        """
        description = self.description
        scorer = Scorer(self.model, self.tokenizer, description.learned, description.packing)
        return score_texts(scorer, [texts] if isinstance(texts, str) else list(texts))

    def embed(self, texts: str | Iterable[str], pooling: Pooling = "mean") -> Tensor:
        """Return a vector for each text: (texts, hidden size), in fp32 on the CPU.

        It is made of the hidden states after the last block, of an encoder-decoder's encoder. A
        text that is longer than the model reads is cut, with a warning.

        Args:
            texts: one text or several.
            pooling: `mean` over all tokens, with the special ones around the text; `last`, the last
                token, which suits decoders; `cls`, the first one, which is [CLS] in BERT.

        Raises ConfigError for `cls` where texts begin with no special token.

        """
        return embed_texts(
            self.model,
            self.tokenizer,
            self.description.packing,
            self.description.longest,
            [texts] if isinstance(texts, str) else list(texts),
            pooling,
        )

    def short_view(self) -> tuple[str, Mapping[str, str]]:
        """Return what a Python shell shows of it."""
        config, description = self.model.config, self.description
        count = parameters(config, self.model.vocabulary_size)
        return f"lmkit model: {self.path}", {
            "weights": self.checkpoint.name,
            "model": f"{config.architecture}, {count:,} parameters, {config.position} positions",
            "objective": f"{description.objective}, on {description.sequence_length:,} tokens",
            "tokenizer": f"{self.tokenizer.algorithm}, {self.tokenizer.size:,} tokens",
            "device": str(self.device),
        }


def _config(**values: Any) -> GenerateConfig:
    """Return checked options. Raises ConfigError."""
    try:
        return GenerateConfig.model_validate(values)
    except ValidationError as error:
        problems = (f"{each['loc'][0]}: {each['msg']}" for each in error.errors() if each["loc"])
        raise ConfigError("; ".join(problems) or str(error), "help(lmkit.GenerateConfig)") from None
