import unicodedata

import numpy as np

from lmkit.tokenizers.encoder_probe import first_difference, probe_texts

ENTRIES = ["once", " upon", "\n"]
SPECIAL = ["</s>", "<unk>"]


def encode(texts: list[str]) -> list[np.ndarray]:  # type: ignore[type-arg]
    return [np.frombuffer(text.encode("utf-32-le"), np.uint32) for text in texts]


def test_the_probe_has_about_a_megabyte_and_is_always_the_same() -> None:
    texts = probe_texts(ENTRIES, SPECIAL)
    assert 500_000 < sum(len(text.encode()) for text in texts) < 2_000_000
    assert texts == probe_texts(ENTRIES, SPECIAL)


def test_the_probe_has_every_code_point_that_may_decide_where_a_word_ends() -> None:
    found = {character for text in probe_texts(ENTRIES, SPECIAL) for character in text}
    uniform = {"CJK", "HANGUL", "YI"}
    for point in set(range(0x10000)) - set(range(0xD800, 0xF900)):
        name = unicodedata.name(chr(point), "")
        if name and name.split()[0] not in uniform:
            assert chr(point) in found, name
    emoji = set(map(chr, range(0x1F300, 0x1FA00)))
    assert emoji <= found


def test_the_probe_has_the_tokens_and_special_tokens_as_text() -> None:
    joined = "\0".join(probe_texts(ENTRIES, SPECIAL))
    assert all(f"a {token} b" in joined for token in SPECIAL)
    assert all(entry in joined for entry in ENTRIES)


def test_equal_encoders_have_no_difference() -> None:
    assert first_difference(encode, encode, probe_texts(ENTRIES, SPECIAL)) is None


def test_one_wrong_token_is_a_difference() -> None:
    def wrong(texts: list[str]) -> list[np.ndarray]:  # type: ignore[type-arg]
        found = encode(texts)
        return [
            np.append(ids, 7) if "\u1680" in text else ids
            for text, ids in zip(texts, found, strict=True)
        ]

    text = first_difference(encode, wrong, probe_texts(ENTRIES, SPECIAL))
    assert text is not None and "\u1680" in text


def test_a_missing_token_is_a_difference() -> None:
    assert (
        first_difference(encode, lambda texts: [ids[:-1] for ids in encode(texts)], ["ab"]) == "ab"
    )
