"""The option of every command that can start from a recipe.

Choices:
- Values come from defaults, then the recipe, then --config, then flags; the last one wins.
- The manifest records the options that resulted, and the name and SHA-256 of the recipe. Only the
  options are compared: a recipe with another comment makes nothing stale.
- A recipe is read when options are made, as a --config file is: in Python, too.
"""

from typing import Annotated, Any, cast

from pydantic import Field, model_validator

from lmkit.config import CommandConfig, Group, OneOfOrFile, is_none, options
from lmkit.recipes.recipe_file import RECIPES, merged, read_recipe


class RecipeRecord(Group):
    """The recipe from which options came, as a manifest records it."""

    name: str
    sha256: str


class TakesRecipe(CommandConfig):
    """Options of a command that can start from a recipe."""

    recipe: Annotated[
        RecipeRecord | str | None, OneOfOrFile(RECIPES), Field(exclude_if=is_none)
    ] = None
    """Start from the options of a published recipe (books, c4, code, dolma, fineweb, gopher), or of
    a .toml file with a table for each command. Other options override it."""

    @model_validator(mode="before")
    @classmethod
    def _start_from_recipe(cls, values: Any) -> Any:
        name = cast(dict[str, Any], values).get("recipe") if isinstance(values, dict) else None
        if not isinstance(name, str) or name == "none":
            return values
        recipe = read_recipe(name)
        known = {option.key: option for option in options(cls)}
        record = {"name": recipe.name, "sha256": recipe.sha256}
        return merged(recipe.options_of(cls.stage, known), values) | {"recipe": record}
