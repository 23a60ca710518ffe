import re

from hypothesis import given
from hypothesis import strategies as st

from lmkit.text.differences import SHOWN, side_by_side

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=12)


@given(WORDS, WORDS)
def test_what_is_not_marked_is_the_same_in_both(one: list[str], other: list[str]) -> None:
    shown = side_by_side(" ".join(one), " ".join(other))
    plain = [re.sub(r"\[\[.*?\]\]", "", text).split() for text in shown]
    assert plain[0] == plain[1]
    for words, text in zip((one, other), shown, strict=True):
        bare = text.replace("[[", "").replace("]]", "").split()
        if "…" not in bare:
            assert bare == words or one == other


def test_only_the_neighbourhood_of_a_difference_is_shown() -> None:
    words = [f"w{n}" for n in range(100)]
    one, other = " ".join(words), " ".join([*words[:50], "new", *words[51:]])
    assert side_by_side(one, other) == (
        "… w46 w47 w48 w49 [[w50]] w51 w52 w53 w54 …",
        "… w46 w47 w48 w49 [[new]] w51 w52 w53 w54 …",
    )
    assert max(map(len, side_by_side("x " * 999, "y " * 999))) <= SHOWN
