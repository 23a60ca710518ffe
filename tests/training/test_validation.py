import numpy as np
import pytest
import torch
from accelerate import Accelerator

from lmkit.evaluation.perplexity import score_rows
from lmkit.objectives.clm.objective import clm
from lmkit.packing.token_rows import TokenSequences
from lmkit.training.distributed.parallelism import Parallelism
from lmkit.training.validation import Validation
from tests.model.tiny import VOCABULARY, tiny


def rows(lengths: list[int], seed: int) -> TokenSequences:
    generator = np.random.default_rng(seed)
    documents = [(generator.integers(1, VOCABULARY, n), 3 * n) for n in lengths]
    return TokenSequences.from_documents(documents, 8, pad=0)


def test_the_loss_is_a_mean_over_the_tokens_of_all_folders_and_each_folder_has_its_own() -> None:
    parallelism = Parallelism(tiny(), Accelerator(cpu=True))
    held_out = {"long": rows([30, 22, 17], 1), "short": rows([5], 2)}
    validate = Validation(parallelism, held_out, clm, 2)
    assert validate.losses == {}
    device, context = torch.device("cpu"), parallelism.accelerator.autocast
    scores = {
        name: score_rows(parallelism.model, each, None, 3, device, context, clm)
        for name, each in held_out.items()
    }
    tokens = sum(score.tokens for score in scores.values())
    assert validate() == pytest.approx(sum(s.nll for s in scores.values()) / tokens, rel=1e-6)
    for name, score in scores.items():
        assert validate.losses[name] == pytest.approx(score.nll / score.tokens, rel=1e-6)


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["a/books", "a/web"], ["books", "web"]),
        (["a/packed", "b/packed"], ["a/packed", "b/packed"]),
        (["books"], None),
    ],
)
def test_losses_by_source_have_the_names_of_their_folders(
    folders: list[str], names: list[str] | None
) -> None:
    parallelism = Parallelism(tiny(), Accelerator(cpu=True))
    held_out = {folder: rows([20 + n], n) for n, folder in enumerate(folders)}
    validate = Validation(parallelism, held_out, clm, 2)
    validate()
    by_source = validate.by_source
    if names is None:
        assert by_source is None
    else:
        assert by_source == dict(zip(names, validate.losses.values(), strict=True))
