from collections import Counter

import tokenizers

from lmkit.tokenizers.build import train
from lmkit.tokenizers.options import TextForm
from lmkit.tokenizers.recipe import Recipe

SPECIAL = 264


def entries(tokenizer: tokenizers.Tokenizer) -> list[str]:
    ids = tokenizer.get_vocab()
    return sorted(ids, key=lambda token: ids[token])[SPECIAL:]


def test_merges_are_those_of_the_worked_example() -> None:
    # hug 10, pug 5, pun 12, bun 4, hugs 5: u+g occurs 20 times, u+n 16 times; then h+ug 15 times.
    words = ["hug"] * 10 + ["pug"] * 5 + ["pun"] * 12 + ["bun"] * 4 + ["hugs"] * 5
    alphabet = sorted("bghnpsu")
    found = entries(train(words, Recipe("wordpiece", SPECIAL + 4 * len(alphabet))))
    assert found[:14] == [*alphabet, *(f"##{character}" for character in alphabet)]
    assert found[14:17] == ["##ug", "##un", "hug"]


def test_the_longest_piece_comes_first() -> None:
    tokenizer = train(["unaffable able aff"] * 5, Recipe("wordpiece", 600))
    tokens = tokenizer.encode("unaffable", add_special_tokens=False).tokens
    vocabulary = set(tokenizer.get_vocab())
    rest, expected = "unaffable", list[str]()
    while rest:  # greedy, longest match first: section 3 of BERT's description
        prefix = "##" if expected else ""
        piece = max(
            (rest[:n] for n in range(1, len(rest) + 1) if prefix + rest[:n] in vocabulary), key=len
        )
        expected.append(prefix + piece)
        rest = rest[len(piece) :]
    assert tokens == expected


def test_a_word_with_a_rare_character_is_unknown_and_its_neighbours_are_not() -> None:
    texts = ["abab " * 50 + "é"]
    # Room for eight entries: a quarter of that are the two most frequent characters.
    tokenizer = train(texts, Recipe("wordpiece", SPECIAL + 8))
    tokens = tokenizer.encode("ab éab ab", add_special_tokens=False).tokens
    assert tokens[0] == tokens[-1] and tokens.count("[UNK]") == 1


def test_the_alphabet_is_that_of_the_normalized_text() -> None:
    tokenizer = train(
        ["Ça VA"], Recipe("wordpiece", 400, form=TextForm(lowercase=True, strip_accents=True))
    )
    singles = Counter(token for token in entries(tokenizer) if len(token) == 1)
    assert set(singles) == set("cav")
    assert tokenizer.encode("ÇA", add_special_tokens=False).tokens[0].startswith("c")
