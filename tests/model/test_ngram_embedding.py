import signal
from pathlib import Path

import torch
from torch import Tensor

from lmkit.generation.sampling import Sampling
from lmkit.generation.sequence_batch import SequenceBatch
from lmkit.model.ngram_embedding import ngram_rows
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from tests.commands.dying import signalled
from tests.conftest import SMALL_RUN, Lmkit
from tests.model.tiny import VOCABULARY, counting, tiny, tokens

GREEDY = Sampling(temperature=0)
SHAPE = ("--model.layers", "1", "--model.hidden-size", "16", "--model.heads", "2")


def literal_rows(ids: list[int], positions: list[int], length: int, rows: int) -> list[int]:
    """Hash each n-gram alone, with Python's numbers, as the module's docstring says."""
    found: list[int] = []
    for end, position in enumerate(positions):
        value = 0
        for distance in range(length):
            is_inside = distance <= position and distance <= end
            symbol = ids[end - distance] + 1 if is_inside else 0
            value = (value * 1_103_515_245 + symbol) % (2**31 - 1)
        found.append(value % rows)
    return found


def all_rows(tokens_BT: Tensor, positions_BT: Tensor, earlier: Tensor | None = None) -> Tensor:
    return torch.stack(list(ngram_rows(tokens_BT, positions_BT, 4, 1_000, earlier)))


def test_rows_are_those_of_a_literal_hash() -> None:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, 2**30, (2, 30), generator=generator)
    positions = torch.tensor([[*range(30)], [*range(7), *range(1), *range(22)]])
    found = all_rows(ids, positions)
    for number, length in enumerate((2, 3, 4)):
        for row in range(2):
            expected = literal_rows(ids[row].tolist(), positions[row].tolist(), length, 1_000)
            assert found[number, row].tolist() == expected


def test_the_tokens_before_are_those_of_the_same_document_only() -> None:
    ids = tokens(1, 12)
    positions = torch.tensor([[*range(5), *range(7)]])
    alone = all_rows(ids[:, 5:], counting(ids[:, 5:]))
    assert torch.equal(all_rows(ids, positions)[:, :, 5:], alone)


def test_a_text_in_parts_has_the_rows_of_the_whole() -> None:
    ids = tokens(2, 20)
    whole, at = all_rows(ids, counting(ids)), 6
    part = all_rows(ids[:, at:], counting(ids)[:, at:], ids[:, at - 3 : at])
    assert torch.equal(part, whole[:, :, at:])


def test_many_ngrams_are_spread_evenly_over_the_rows() -> None:
    # 200,000 different pairs in 32,768 rows: a random function leaves exp(-200,000 / 32,768), 0.22%
    # of them empty, and its fullest row has about 6.1 + 5 standard deviations of 2.5.
    first = torch.arange(200_000) // 447
    second = torch.arange(200_000) % 447
    pairs = torch.stack([first, second], dim=1)
    (rows,) = ngram_rows(pairs, counting(pairs), 2, 32_768)
    counts = rows[:, 1].bincount(minlength=32_768)
    assert counts.eq(0).float().mean() < 0.005 and counts.max() < 30


def test_a_new_model_is_the_one_without_ngrams() -> None:
    shape: dict[str, object] = {"layers": 2, "hidden_size": 32, "heads": 4}
    ids = tokens(2, 12)
    plain = Transformer(ModelConfig.model_validate(shape), VOCABULARY, seed=4)
    config = ModelConfig.model_validate(shape | {"ngram_length": 3, "ngram_rows": 100})
    model = Transformer(config, VOCABULARY, seed=4)
    assert torch.equal(plain(ids, counting(ids)), model(ids, counting(ids)))
    loss = model(ids[:, :-1], counting(ids)[:, :-1], targets_BT=ids[:, 1:])
    loss.backward()
    gradient = model.get_parameter("ngram_embedding.tables.1.weight").grad
    assert gradient is not None and gradient.count_nonzero() > 0


def test_the_order_of_tokens_matters_without_any_position() -> None:
    # Attention without positions sees a bag of tokens; the n-grams of the last one are another.
    model = tiny(layers=1, position="none", ngram_length=2, ngram_rows=5_000)
    one, other = torch.tensor([[4, 7, 9]]), torch.tensor([[7, 4, 9]])
    logits = [model(ids, counting(ids))[0, -1] for ids in (one, other)]
    assert not torch.allclose(*logits)


def test_prompts_of_different_lengths_are_continued_as_each_alone() -> None:
    model = tiny(ngram_length=3, ngram_rows=300)
    prompts, allowed = [[5], [1, 2, 3, 4, 5, 6], [9, 9]], torch.ones(VOCABULARY, dtype=torch.bool)

    def continued(texts: list[list[int]]) -> list[list[int]]:
        batch = SequenceBatch(model, texts, GREEDY, [0] * len(texts))
        steps = [[each.token for each in batch.next_tokens([allowed] * len(texts))]]
        if len(texts) == 3:
            batch.keep([0, 2])  # the second has ended
            texts = [texts[0], texts[2]]
            steps = [[steps[0][0], steps[0][2]]]
        for _ in range(8):
            steps.append([each.token for each in batch.next_tokens([allowed] * len(texts))])
        return [[step[row] for step in steps] for row in range(len(texts))]

    assert continued(prompts) == [*continued([prompts[0]]), *continued([prompts[2]])]


def test_a_run_with_ngrams_resumes_to_the_same_bits_and_generates(
    packed: Path, here: Path, lmkit: Lmkit
) -> None:
    ngrams = ("--model.ngram-length", "3", "--model.ngram-rows", "500", "--steps", "6")
    command = ("pretrain", packed, *SMALL_RUN[2:], *ngrams, *SHAPE, "--save-every", "2")
    typed = [str(word) for word in (*command, "--output", "killed")]
    assert signalled(signal.SIGKILL, 5, *typed).returncode == -signal.SIGKILL
    assert lmkit(*typed)[0] == 0
    assert lmkit(*command, "--output", "straight")[0] == 0
    step = "checkpoints/step-00000006/model.safetensors"
    assert (here / "killed" / step).read_bytes() == (here / "straight" / step).read_bytes()
    assert lmkit("eval", "killed", "--data", packed)[0] == 0
    exit_code, out, _ = lmkit("generate", "killed", "--prompt", "The", "--max-tokens", "5")
    assert exit_code == 0 and out.startswith("The")
