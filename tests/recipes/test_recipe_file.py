import tomllib
from pathlib import Path

import pytest

from lmkit.commands.clean.options import CleanConfig
from lmkit.commands.dedup.options import DedupConfig
from lmkit.recipes.recipe_file import FOLDER, RECIPES


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_valid_and_cites_its_source(name: str) -> None:
    text = (FOLDER / f"{name}.toml").read_text("utf-8")
    head = text.partition("\n\n")[0]
    assert "arXiv" in head and head.startswith("#")
    assert set(tomllib.loads(text)) == {"clean", "dedup"}
    for config in (CleanConfig, DedupConfig):
        made = config(output=Path("out"), recipe=name)
        assert made.model_dump(mode="json")["recipe"]["name"] == name


def test_the_recipes_are_those_that_are_documented() -> None:
    assert RECIPES == ("books", "c4", "code", "dolma", "fineweb", "gopher")


def test_what_a_recipe_sets_is_what_its_source_has() -> None:
    clean = CleanConfig(output=Path("out"), recipe="fineweb")
    assert clean.filters.rules == ("gopher-repetition", "gopher-quality", "c4-paper", "fineweb")
    assert (clean.language, clean.min_language_score) == (("en",), 0.65)
    assert clean.filters.c4.end_marks == "any" and clean.filters.c4.min_sentences == 5
    assert clean.filters.min_characters is None
    dedup = DedupConfig(output=Path("out"), recipe="gopher")
    assert (dedup.minhash.min_similarity, dedup.minhash.bands, dedup.minhash.rows) == (0.8, 16, 7)
