from itertools import chain

from lmkit.readers.dispatch import reader_of
from lmkit.storage.registry import FORMATS, NAMES


def test_every_format_has_a_reader() -> None:
    assert all(callable(reader_of(name)) for name in NAMES)


def test_no_ending_and_no_first_bytes_belong_to_two_formats() -> None:
    for of in ("endings", "magics", "patterns"):
        found = [*chain.from_iterable(getattr(each, of) for each in FORMATS)]
        assert len(found) == len(set(found))
    assert len(NAMES) == len(set(NAMES))


def test_endings_are_in_lower_case_and_begin_with_a_dot() -> None:
    endings = [*chain.from_iterable(each.endings for each in FORMATS)]
    assert all(ending.startswith(".") and ending == ending.lower() for ending in endings)
