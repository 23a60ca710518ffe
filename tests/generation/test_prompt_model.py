import pytest

from lmkit.errors import ConfigError
from lmkit.generation.prompt_model import PromptModel
from lmkit.generation.sampling import Sampling
from lmkit.objectives.objective import Packing
from tests.generation.tokenizers_of_each_kind import tokenizer_of
from tests.model.tiny import tiny


def prompt_model(**options: object) -> PromptModel:
    tokenizer = tokenizer_of("bpe")
    packing = Packing(16, tokenizer.bos, tokenizer.eos)
    # A vocabulary may be padded: the model has ids that the tokenizer lacks.
    model = tiny(tokenizer.size + 5, layers=1, **options)
    return PromptModel(model, tokenizer, "clm", packing, Sampling())


def test_only_text_and_the_end_are_allowed() -> None:
    of = prompt_model()
    eos = of.tokenizer.eos
    assert eos is not None
    with_eos, without = of.text_or(eos), of.text_or(None)
    special = set(of.tokenizer.special.tolist())
    for token in range(of.tokenizer.size):
        assert bool(without[token]) == (token not in special)
        assert bool(with_eos[token]) == (token not in special or token == eos)
    assert not with_eos[of.tokenizer.size :].any()


def test_the_most_tokens_are_what_learned_positions_leave() -> None:
    learned = prompt_model(position="learned", max_positions=16)
    assert learned.max_tokens(None, default=200, available=9) == 9
    assert learned.max_tokens(5, default=200, available=9) == 5
    with pytest.raises(ConfigError, match="--max-tokens: got 10, but after this prompt"):
        learned.max_tokens(10, default=200, available=9)
    learned.refuse_longer([1] * 16, positions=16)
    with pytest.raises(ConfigError, match="--prompt: has 17 tokens"):
        learned.refuse_longer([1] * 17, positions=16)


def test_other_positions_leave_any_number() -> None:
    of = prompt_model()
    assert of.max_tokens(None, default=200, available=9) == 200
    assert of.max_tokens(10_000, default=200, available=9) == 10_000
    of.refuse_longer([1] * 17, positions=16)


def test_a_prompt_without_masks_is_refused() -> None:
    of = prompt_model()
    assert of.template("a <mask>", ["a ", ""], "<mask>").parts == ("a", "")
    with pytest.raises(ConfigError, match="only predicts masked text"):
        of.template("a", ["a"], "<mask>")
