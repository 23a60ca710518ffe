"""Texts that a run's model generates for some prompts, by all processes together.

Choices:
- Each process generates for every n-th prompt; the texts are gathered.
- A prompt has the same seed after each step, that of `lmkit generate --seed`: what differs between
  two texts is the model. torch's own generator isn't used, and the model is handed back as it was.
- The weights are computed in fp32, as by `lmkit generate`.
"""

from collections.abc import Callable
from typing import Any, cast

from accelerate.utils import gather_object

from lmkit.counter_rng import draw
from lmkit.evaluation.tasks.task_scorer import ScoredModel
from lmkit.model.eval_mode import eval_mode
from lmkit.training.distributed.parallelism import Parallelism
from lmkit.training.evaluations.planned_prompts import PlannedPrompts, prompt_runner
from lmkit.training.evaluations.samples_file import Sample


class PromptSampler:
    """Generates a text for each prompt."""

    def __init__(
        self,
        parallelism: Parallelism,
        planned: PlannedPrompts,
        scored: ScoredModel,
        seed: int,
    ) -> None:
        self._parallelism, self._seed = parallelism, seed
        self._prompts, self._max_tokens = planned.lines, planned.options.max_tokens
        self._runner = prompt_runner(scored, planned.options.temperature)

    def __call__(self, step: int, on_prompt: Callable[[], None] = lambda: None) -> list[Sample]:
        """Generate them; all processes have to. `on_prompt` is called before each."""
        size, rank = self._parallelism.processes, self._parallelism.data_parallel_rank
        samples: dict[int, Sample] = {}
        with eval_mode(self._parallelism.model):  # also for an encoder-decoder's source
            for number in range(rank, len(self._prompts), size):
                on_prompt()
                samples[number] = self._sample(step, number)
        if size > 1:
            samples = dict(cast(Any, gather_object)(list(samples.items())))
        return [samples[number] for number in range(len(self._prompts))]

    def _sample(self, step: int, number: int) -> Sample:
        seed = draw(self._seed, number) >> 1
        line = self._prompts[number]
        generated = self._runner.write(line.prompt, line.suffix, self._max_tokens, seed)
        return Sample(step, line.prompt, generated.text, generated.ended)
