import pytest

from lmkit.generation.generated import FinishReason, Generated, Kind, Piece, Span

SPANS = (
    Span(" cat", 0.5, (Piece("\u0120cat", 0.5),)),
    Span(" a mat", 0.1, (Piece("\u0120a", 0.2), Piece("\u0120mat", 0.5))),
)


def test_json_has_the_text_what_was_generated_and_why_it_ended() -> None:
    result = Generated("continuation", "The cat", "stop", SPANS[:1]).to_json()
    spans = result.pop("spans")
    assert result == {
        "kind": "continuation",
        "text": "The cat",
        "generated": " cat",
        "ended": False,
        "finish_reason": "stop",
        "tokens": 1,
    }
    assert spans[0]["text"] == " cat" and spans[0]["pieces"][0]["probability"] == 0.5


@pytest.mark.parametrize("kind", ["masks", "spans"])
def test_a_text_with_several_spans_has_no_single_generated_text(kind: Kind) -> None:
    result = Generated(kind, "The cat on a mat", "eos", SPANS)
    assert result.to_json()["generated"] is None
    assert result.tokens == 3


@pytest.mark.parametrize(
    ("reason", "ended"), [("eos", True), ("filled", True), ("stop", False), ("length", False)]
)
def test_a_text_ended_if_the_model_ended_it(reason: FinishReason, ended: bool) -> None:
    assert Generated("continuation", "", reason, SPANS[:1]).ended == ended
