"""Judging whether a text is worth training on.

Choices:
- The first reason that applies is the one that is counted; the order is from cheap to costly.
- `basic` only drops what nobody would call text. What makes a *good* text is not its business.
- A document without a visible character is always dropped: there is nothing in it to learn.
"""

from typing import Annotated, Any, Literal, cast

from pydantic import Field, model_validator

from lmkit.config import Group
from lmkit.text.measures import letter_share, repeated_share, visible_characters

OFF: dict[str, None] = {"min_characters": None, "min_letters": None, "max_repeats": None}


class Filters(Group):
    """What is dropped."""

    preset: Literal["basic", "none"] = "basic"
    """Where the limits below start from; with none, only empty documents are dropped."""

    min_characters: Annotated[int, Field(ge=0)] | None = 25
    """Drop documents with fewer visible characters than this."""

    min_letters: Annotated[float, Field(ge=0, le=1)] | None = 0.25
    """Drop documents with a smaller share of letters among the visible characters than this."""

    max_repeats: Annotated[float, Field(ge=0, le=1)] | None = 0.75
    """Drop documents with a larger share of repeated lines than this."""

    @model_validator(mode="before")
    @classmethod
    def _start_from_preset(cls, values: Any) -> Any:
        if isinstance(values, dict) and cast(dict[str, Any], values).get("preset") == "none":
            return {**OFF, **values}
        return values


def reason_to_drop(text: str, limits: Filters) -> str | None:
    """Say what is wrong with a text, if anything is.

    >>> reason_to_drop("too short", Filters())
    'too_short'
    """
    length = visible_characters(text)
    if length == 0:
        return "empty"
    if limits.min_characters is not None and length < limits.min_characters:
        return "too_short"
    if limits.min_letters is not None and letter_share(text) < limits.min_letters:
        return "too_few_letters"
    if limits.max_repeats is not None and repeated_share(text) > limits.max_repeats:
        return "too_repetitive"
    return None
