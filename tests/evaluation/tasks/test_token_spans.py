import pytest

from lmkit.errors import InputError
from lmkit.evaluation.tasks.item import Request
from lmkit.evaluation.tasks.token_division import Apart, Together
from lmkit.evaluation.tasks.token_spans import EncodedRequest, RequestEncoder, TokenSpan, windows
from tests.evaluation.tasks.words import WORDS, encode


def encoded(
    context: str, continuation: str, *, bos: int | None = 0, longest: int = 100, whole: bool = False
) -> EncodedRequest:
    encoder = RequestEncoder(encode, bos, 0, longest)
    requests = [(Request(context, continuation),)]
    ((found,),) = encoder.encoded(requests, ["f: line 1"], Together(), whole=whole)
    return found


def words(context: str, continuation: str, **settings: int | None) -> tuple[list[str], list[str]]:
    """The words that are read before the targets, and the targets."""
    (span,) = encoded(context, continuation, **settings).spans  # type: ignore[arg-type]
    read = [WORDS[token] for token in span.tokens]
    return read[: span.first_target], read[span.first_target :]


def test_white_space_at_the_end_of_a_context_belongs_to_the_continuation() -> None:
    expected = (["<s>", "A:"], [" yes"])
    assert words("A: ", "yes") == words("A:", " yes") == expected


def test_a_continuation_without_a_context_follows_bos() -> None:
    assert words("", " x") == (["<s>"], [" x"])
    assert words("", " x", bos=None) == (["<s>"], [" x"])  # the prefix
    assert words("a", " x", bos=None) == (["a"], [" x"])


def test_a_context_that_ends_in_a_space_gives_two_of_them() -> None:
    found = encoded("e ", " f")
    assert found.target_count == 2


def test_a_seam_is_reported_and_divided_by_the_number_of_tokens() -> None:
    found = encoded("un", "able to")  # together: unable, to
    assert found.has_seam
    assert words("un", "able to") == (["<s>", "un"], [" to"])
    assert not encoded("un", " able").has_seam


def test_a_request_that_is_too_long_loses_its_start() -> None:
    context = " ".join(f"c{n}" for n in range(10))
    read, targets = words(context, " k0 k1", bos=None, longest=8)
    assert (read, targets) == ([f" c{n}" for n in range(3, 10)], [" k0", " k1"])
    assert encoded(context, " k0 k1", longest=8).is_cut
    assert not encoded(context, " k0 k1", longest=12).is_cut


def test_a_continuation_that_is_longer_than_the_model_is_an_error() -> None:
    with pytest.raises(InputError, match="f: line 1: a continuation has 3 tokens, and the model"):
        encoded("q", " a b c", longest=2)


def test_a_continuation_without_tokens_of_its_own_is_an_error() -> None:
    with pytest.raises(InputError, match="f: line 1: 'able' adds no token to its context"):
        encoded("un", "able")
    with pytest.raises(InputError, match="f: line 1: the text has no tokens"):
        encoded("", "", whole=True)


def test_a_long_text_is_read_in_windows_that_predict_each_token_once() -> None:
    found = windows(tuple(range(10)), 99, 4)
    split = [(span.tokens[: span.first_target], span.targets) for span in found]
    assert split == [((99,), (0, 1, 2, 3)), ((3,), (4, 5, 6, 7)), ((5, 6, 7), (8, 9))]
    assert all(len(span.tokens) - 1 <= 4 for span in found)


def test_a_text_is_encoded_as_it_is() -> None:
    (span,) = encoded("", "a b ", whole=True).spans
    assert [WORDS[token] for token in span.tokens] == ["<s>", "a", " b", " "]
    assert TokenSpan((0, 1, 2), 2).targets == (2,)


def test_an_encoder_decoders_context_and_continuation_are_encoded_apart() -> None:
    encoder = RequestEncoder(encode, None, 0, 2, Apart())
    requests = [(Request("one two un", "able to"),)]
    ((found,),) = encoder.encoded(requests, ["f"], Together())
    (span,) = found.spans
    assert [WORDS[token] for token in span.tokens] == [" two", " un", "able", " to"]
    assert (span.first_target, found.is_cut, found.has_seam) == (2, True, False)
