"""The fields of a line of a task file, with errors that name the file and the line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from lmkit.errors import InputError

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class RecordFields:
    """A record of a task file."""

    values: Mapping[str, Any]
    where: str
    """The file and the line."""

    def has(self, *names: str) -> bool:
        """Return whether the record has all these fields."""
        return all(name in self.values for name in names)

    def any(self, *names: str) -> Any:
        """Return the first of these fields that exists. Raises InputError."""
        for name in names:
            if self.values.get(name) is not None:
                return self.values[name]
        raise self.wrong(f"has no {' or '.join(names)}")

    def text(self, *names: str) -> str:
        """Return the first of these fields that exists, a text. Raises InputError."""
        value = self.any(*names)
        if not isinstance(value, str):
            raise self.wrong(f"{names[0]}: got {_shortened(value)}, must be a text")
        return value

    def filled_text(self, *names: str) -> str:
        """Return such a text, which isn't empty. Raises InputError."""
        value = self.text(*names)
        if not value.strip():
            raise self.wrong(f"{names[0]}: is empty")
        return value

    def texts(self, name: str, least: int = 2) -> tuple[str, ...]:
        """Return a list of texts, at least `least`, none of them empty. Raises InputError."""
        value = self.any(name)
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise self.wrong(f"{name}: got {_shortened(value)}, must be a list of texts")
        found = cast(Sequence[Any], value)
        if not all(isinstance(each, str) and each.strip() for each in found):
            raise self.wrong(f"{name}: got {_shortened(value)}, must be texts that aren't empty")
        if len(found) < least:
            raise self.wrong(f"{name}: got {len(found)}, must be at least {least}")
        return tuple(found)

    def index(self, names: Sequence[str], options: Sequence[str]) -> int:
        """Return the index of the right option, given as that, as a text, or as a letter.

        >>> RecordFields({"gold": "B"}, "f").index(["gold"], ["x", "y"])
        1
        """
        return self._index(names[0], self.any(*names), options)

    def indices(self, names: Sequence[str], options: Sequence[str]) -> tuple[int, ...]:
        """Return the indices of the right options: of one, or of those in a list.

        >>> RecordFields({"gold": ["B", 0]}, "f").indices(["gold"], ["x", "y"])
        (1, 0)
        """
        value = self.any(*names)
        values = cast(list[Any], value) if isinstance(value, list) else [value]
        if not values:
            raise self.wrong(f"{names[0]}: names no right option")
        return tuple(dict.fromkeys(self._index(names[0], each, options) for each in values))

    def _index(self, name: str, value: Any, options: Sequence[str]) -> int:
        if isinstance(value, str):
            if value in options:
                return options.index(value)
            stripped = value.strip()
            if stripped.isdecimal():
                value = int(stripped)
            elif len(stripped) == 1 and stripped in LETTERS:
                value = LETTERS.index(stripped)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(
                f"{name}: got {_shortened(value)}, must be the index of the right option"
            )
        if not 0 <= value < len(options):
            raise self.wrong(
                f"{name}: got {value}, must be from 0 to {len(options) - 1}: it is the index "
                "of the right option"
            )
        return value

    def wrong(self, message: str) -> InputError:
        """Return the error for a record that is not as expected."""
        return InputError(f"{self.where}: {message}")


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
