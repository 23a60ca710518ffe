from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from lmkit.pii.options import PiiConfig
from lmkit.pii.replacement import Replacer, pseudonym

TAG, PSEUDONYM = (Replacer(PiiConfig(action=action)) for action in ("tag", "pseudonym"))


def tagged(text: str) -> str:
    return TAG.replace(text)[0]


def test_equal_values_remain_equal_and_others_differ_in_any_order() -> None:
    texts = ["Jo@Example.com, +44 20 7946 0958", "to jo@example.com or (212) 555-0123"]
    once = [PSEUDONYM.replace(text)[0] for text in texts]
    reversed_texts = [
        Replacer(PiiConfig(action="pseudonym")).replace(text)[0] for text in texts[::-1]
    ]
    assert once == reversed_texts[::-1]
    assert once[0].split(",")[0] == once[1].removeprefix("to ").split(" or")[0]
    values = [f"user{n}@example.com" for n in range(2000)]
    assert len({pseudonym(value, "email") for value in values}) == len(values)


def test_replacements_are_counted_by_kind() -> None:
    text = "a@b.org a@b.org 4111 1111 1111 1111 DE89370400440532013000 Tel. 555-0123"
    counted = Counter(email=2, card=1, iban=1, phone=1)
    replacer = Replacer(PiiConfig(action="tag"))
    assert replacer.replace(text)[1] == counted
    replacer.replace(text)
    assert replacer.counts == Counter({kind: 2 * n for kind, n in counted.items()})
    some = Replacer(PiiConfig.model_validate({"action": "tag", "kinds": "card,phone"}))
    assert some.replace(text)[1] == Counter(card=1, phone=1)


@given(st.text(st.characters(exclude_categories=())), st.sampled_from(["tag", "pseudonym"]))
def test_no_text_raises_and_replacement_is_idempotent(text: str, action: str) -> None:
    replacer = Replacer(PiiConfig.model_validate({"action": action}))
    once = replacer.replace(f"{text} jo@example.com {text} +44 20 7946 0958 {text}")[0]
    assert replacer.replace(once) == (once, Counter())
