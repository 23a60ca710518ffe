from pathlib import Path

import tokenizers
from tokenizers import models

from lmkit.objectives.objective import Packing
from lmkit.objectives.span_corruption.objective import SpanCorruption
from lmkit.objectives.span_corruption.options import SpanConfig
from lmkit.tokenizers.tokenizer import Tokenizer, save


def test_two_sentinels_are_enough_for_short_sequences(tmp_path: Path) -> None:
    bare = tokenizers.Tokenizer(models.BPE({"a": 0, "b": 1}, []))
    names = ["<pad>", "</s>", "<extra_id_1>", "<extra_id_0>"]
    bare.add_special_tokens([tokenizers.AddedToken(name, special=True) for name in names])
    save(bare, tmp_path)
    objective = SpanCorruption("span-corruption", SpanConfig())
    objective.make(Tokenizer.load(tmp_path), Packing(40, None, None))


def test_the_longer_of_source_and_target_needs_positions() -> None:
    assert SpanCorruption("span-corruption", SpanConfig()).positions_needed(568) == 512
    assert SpanCorruption("span-corruption", SpanConfig(style="bart")).positions_needed(568) == 569
