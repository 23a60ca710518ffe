import pytest

from lmkit.suggestions import did_you_mean, nearest

FLAGS = [
    *("output", "workers", "steps", "batch-tokens", "sequence-length", "precision", "epochs"),
    *("optim.lr", "optim.beta1", "optim.weight-decay", "schedule.warmup-steps", "vocab-size"),
    *("model.layers", "model.heads", "model.hidden-size", "model.preset", "max-tokens"),
]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("lr", "optim.lr"),
        ("learning-rate", "optim.lr"),
        ("learning_rate", "optim.lr"),
        ("weight_decay", "optim.weight-decay"),
        ("optim.weight_decay", "optim.weight-decay"),
        ("warmup-steps", "schedule.warmup-steps"),
        ("layers", "model.layers"),
        ("num_layers", "model.layers"),
        ("n_embd", "model.hidden-size"),
        ("batch-size", "batch-tokens"),
        ("block-size", "sequence-length"),
        ("max_steps", "steps"),
        ("out", "output"),
        ("Output", "output"),
        ("wrokers", "workers"),
        ("xyz", None),
        ("", None),
    ],
)
def test_a_flag_of_other_programs_or_a_typo_leads_to_the_right_one(
    typed: str, meant: str | None
) -> None:
    assert nearest(typed, FLAGS) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("causal", "clm"), ("Causal-LM", "clm"), ("masked", "mlm"), ("t5", "span-corruption")],
)
def test_an_objective_is_known_by_its_common_names(typed: str, meant: str) -> None:
    assert nearest(typed, ["clm", "mlm", "plm", "span-corruption"]) == meant


def test_the_shortest_name_with_the_same_beginning_is_meant() -> None:
    assert nearest("llama", ["llama-15m", "llama-1m", "bert-base"]) == "llama-1m"
    assert nearest("gpt2", ["gpt2-nano", "gpt2-small"]) == "gpt2-small"  # what is called so
    assert nearest("ab", ["abc"]) == "abc"  # by its letters


def test_a_message_gets_a_suggestion_or_nothing() -> None:
    assert did_you_mean("lr", FLAGS, before="--") == "; did you mean --optim.lr?"
    assert did_you_mean("xyz", FLAGS) == ""
