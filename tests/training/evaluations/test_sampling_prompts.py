"""Texts of a model that is being trained."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator

from lmkit.evaluation.tasks.task_scorer import ScoredModel
from lmkit.generation.prompts_file import PromptLine
from lmkit.training.checkpoints.trained_model import open_run
from lmkit.training.distributed.parallelism import Parallelism
from lmkit.training.evaluations.options import SampleConfig
from lmkit.training.evaluations.planned_prompts import PlannedPrompts
from lmkit.training.evaluations.sampling_prompts import PromptSampler


@pytest.mark.parametrize(("family", "prompt"), [("llama", "The"), ("t5", "A <mask> of")])
def test_texts_depend_on_the_seed_only_and_the_model_is_handed_back_as_it_was(
    family: str, prompt: str, runs: Callable[[str], Path]
) -> None:
    trained = open_run(runs(family), torch.device("cpu"))
    made, model = trained.description, trained.model
    for module in model.modules():
        if isinstance(module, torch.nn.Identity):
            module.register_forward_hook(lambda module, *_: in_training.append(module.training))
    in_training: list[bool] = []
    scored = ScoredModel(model, trained.tokenizer, made.learned, made.packing, made.longest)
    planned = PlannedPrompts(SampleConfig(max_tokens=9), (PromptLine(prompt, ""),) * 2)
    parallelism, calls = Parallelism(model, Accelerator(cpu=True)), list[int]()
    model.train()
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = PromptSampler(parallelism, planned, scored, 5)(1, lambda: calls.append(1))
    torch.manual_seed(2)
    again = PromptSampler(parallelism, planned, scored, 5)(2)
    other = PromptSampler(parallelism, planned, scored, 6)(2)
    assert [each.text for each in first] == [each.text for each in again]
    assert [each.text for each in first] != [each.text for each in other]
    assert [each.step for each in first] == [1, 1] and len(calls) == 2
    assert first[0].text != first[1].text  # each prompt has its own seed
    assert model.training and in_training and not any(in_training)
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state)
