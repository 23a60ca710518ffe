import pickle

import pytest

from lmkit.tokenizers.library_failures import TextFailedError, named


class PanicError(BaseException):
    """Stands for a panic of Rust, which is no Exception."""


def fails_on_b(texts: list[str]) -> list[str]:
    if "b" in texts:
        raise PanicError("called `Result::unwrap()` on an `Err` value: retry limit\nmore")
    return texts


def test_the_text_that_fails_is_named() -> None:
    with pytest.raises(TextFailedError, match=r"the text 'b': .*retry limit$") as raised:
        named(fails_on_b, ["a", "b", "c"])
    assert raised.value.index == 1
    assert "document 'one'" in str(raised.value.in_document("one"))


def test_the_error_survives_the_way_out_of_a_worker_process() -> None:
    error = TextFailedError(3, "x" * 99, "limit")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.index, copy.problem, str(copy), copy.hint) == (3, "limit", str(error), error.hint)


def test_what_does_not_fail_is_returned() -> None:
    assert named(fails_on_b, ["a"]) == ["a"]
    assert named(fails_on_b, []) == []


def test_an_interrupt_is_no_failure_of_the_library() -> None:
    def interrupted(_: list[str]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        named(interrupted, ["a"])
