import random

import pytest

from lmkit.generation.stop_texts import StopTexts


def shown(text: str, stops: list[str], cuts: list[int], skip: int = 0) -> tuple[list[str], bool]:
    """Push a text in parts."""
    stop, parts, start = StopTexts(stops, skip), list[str](), 0
    for end in [*cuts, len(text)]:
        parts.append(stop.push(text[start:end]))
        if stop.found:
            return parts, True
        start = end
    parts.append(stop.finish(""))
    return parts, stop.found


def before_the_first(text: str, stops: list[str]) -> str:
    """Return the text before the occurrence that is complete first, character by character."""
    for end in range(len(text) + 1):
        starts = [end - len(each) for each in stops if text[:end].endswith(each)]
        if starts:
            return text[: min(starts)]
    return text


@pytest.mark.parametrize("seed", range(300))
def test_however_the_text_is_split_it_ends_before_the_first_stop_text(seed: int) -> None:
    rng = random.Random(seed)
    text = "".join(rng.choices("ab\n", k=rng.randint(0, 40)))
    stops = ["".join(rng.choices("ab\n", k=rng.randint(1, 6))) for _ in range(rng.randint(1, 4))]
    cuts = sorted(rng.choices(range(len(text) + 1), k=rng.randint(0, 20)))
    parts, found = shown(text, stops, cuts)
    expected = before_the_first(text, stops)
    assert "".join(parts) == expected
    assert found == (expected != text or any(stop in text for stop in stops))
    for number in range(len(parts)):  # nothing that was shown is taken back
        assert expected.startswith("".join(parts[:number]))


def test_what_may_become_a_stop_text_is_held_back_until_it_does_not() -> None:
    stop = StopTexts(["</s>", "<stop>"])
    assert [stop.push(part) for part in ("a<", "s", "o", "<sto", "rm")] == [
        "a",
        "",
        "<so",
        "",
        "<storm",
    ]
    assert not stop.found


def test_what_was_held_back_is_shown_when_the_text_ends_otherwise() -> None:
    stop = StopTexts(["\n\n"])
    assert (stop.push("one\n"), stop.finish("")) == ("one", "\n")
    assert StopTexts(["\n\n"]).finish("two\n\nthree") == "two"


def test_the_text_of_a_prompt_is_not_searched() -> None:
    stop = StopTexts(["END"], skip=6)
    assert stop.push("END EN") == "END EN"
    assert stop.push("D EN") == "D " and not stop.found
    assert stop.push("D") == "" and stop.found


def test_a_stop_text_may_end_in_text_that_could_still_change() -> None:
    stop = StopTexts(["a\n"], skip=1)
    assert stop.push("", tail="\n") == ""
    assert stop.push("\nxa", tail="\n") == "\nx" and stop.found


def test_without_stop_texts_all_is_shown_at_once() -> None:
    stop = StopTexts([])
    assert stop.push("abc") == "abc" and stop.finish("d") == "d" and not stop.found
