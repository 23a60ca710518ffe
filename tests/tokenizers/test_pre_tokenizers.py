import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import pre_tokenizers
from transformers import BertTokenizer

from lmkit.tokenizers.options import Algorithm, Digits, PreTokenizer, TextForm
from lmkit.tokenizers.pre_tokenizers import normalizer, pattern, pre_tokenizer
from lmkit.tokenizers.recipe import PRE_TOKENIZERS, Recipe
from lmkit.tokenizers.special_tokens import special_tokens
from tests.tokenizers.nasty import NASTY

CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""As published in tiktoken's openai_public.py."""

ALL = [(algorithm, name) for algorithm, names in PRE_TOKENIZERS.items() for name in names]
KEEPING = [pair for pair in ALL if pair[0] == "unigram" and pair[1] != "metaspace"]
DIGITS: list[Digits | None] = [None, "single", "triples", "runs"]


def words(recipe: Recipe, text: str) -> list[str]:
    return [word for word, _ in pre_tokenizer(recipe).pre_tokenize_str(text)]


def split(regular_expression: str, text: str) -> list[str]:
    splitter = pre_tokenizers.Split(tokenizers.Regex(regular_expression), "isolated")
    return [part for part, _ in splitter.pre_tokenize_str(text)]


@settings(deadline=None)
@given(st.text(st.sampled_from(" \t\n\r\u00a0\u2028ab1'.,é"), max_size=30))
def test_gpt4_splits_as_published(text: str) -> None:
    assert split(pattern("gpt4"), text) == split(CL100K, text)


@settings(deadline=None)
@given(st.text(st.sampled_from(" \t\n\u00a0ab12'.,é_stredvm"), max_size=30))
def test_gpt2_splits_as_the_library_does(text: str) -> None:
    peer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    own = pre_tokenizer(Recipe("bpe", pre_tokenizer="gpt2"))
    assert own.pre_tokenize_str(text) == peer.pre_tokenize_str(text)


@pytest.mark.parametrize(
    "text", ["Hello, world's end.", "naïve (1984)", "日本語 text", "a##b [SEP] <s>", "x_y-z\n\tw"]
)
def test_bert_splits_as_its_tokenizer_does(text: str, tmp_path_factory: object) -> None:
    peer = BertTokenizer(vocab={"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "[PAD]": 3, "[MASK]": 4})
    backend = peer.backend_tokenizer
    cased = tokenizers.normalizers.BertNormalizer(strip_accents=False, lowercase=False)
    expected = [w for w, _ in backend.pre_tokenizer.pre_tokenize_str(cased.normalize_str(text))]
    assert words(Recipe("wordpiece"), text) == expected


@pytest.mark.parametrize("digits", DIGITS)
@pytest.mark.parametrize(("algorithm", "name"), KEEPING)
def test_every_character_is_in_a_word(
    algorithm: Algorithm, name: PreTokenizer, digits: Digits | None
) -> None:
    recipe = Recipe(algorithm, pre_tokenizer=name, digits=digits)
    for text in NASTY:
        assert "".join(words(recipe, text)) == text


@pytest.mark.parametrize(("algorithm", "name"), ALL)
def test_numbers_are_split_as_requested(algorithm: Algorithm, name: PreTokenizer) -> None:
    def numbers(digits: Digits) -> list[str]:
        found = words(Recipe(algorithm, pre_tokenizer=name, digits=digits), "in 1234567")
        return [
            word.strip(" ▁Ġ") for word in found if any(character.isdigit() for character in word)
        ]

    assert numbers("single") == list("1234567")
    assert numbers("triples") == ["123", "456", "7"]
    assert numbers("runs") == ["1234567"]


@pytest.mark.parametrize("name", PRE_TOKENIZERS["wordpiece"])
def test_no_word_equals_a_special_token_or_a_continuation(name: PreTokenizer) -> None:
    for algorithm in ("wordpiece", "word"):
        recipe = Recipe(algorithm, pre_tokenizer=name)
        for token in special_tokens(12):
            assert token not in words(recipe, f"a {token} b{token} {token}.")
    found = words(Recipe("wordpiece", pre_tokenizer=name), "##a b##c ###")
    assert not any(word.startswith("##") for word in found)


@pytest.mark.parametrize(("algorithm", "name"), ALL)
@pytest.mark.parametrize("character", [" ", "\n", "a", "1", "\u00e9"])
def test_millions_of_one_character_do_not_end_the_process(
    algorithm: Algorithm, name: PreTokenizer, character: str
) -> None:
    # With cl100k's pattern as published, the regex engine gives up here and the library panics.
    assert words(Recipe(algorithm, pre_tokenizer=name, digits="runs"), character * 500_000 + "x")


def test_ten_million_spaces_are_split() -> None:
    found = words(Recipe("unigram"), " " * 11_000_000 + "x")
    assert [len(word) for word in found] == [10_999_999, 2]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (TextForm(unicode="nfc"), "\u00c9x² \ufb01"),
        (TextForm(unicode="nfkc"), "\u00c9x2 fi"),
        (TextForm(lowercase=True), "e\u0301x² \ufb01"),
        (TextForm(strip_accents=True), "Ex² \ufb01"),
        (TextForm(unicode="nfkc", lowercase=True, strip_accents=True), "ex2 fi"),
    ],
)
def test_texts_are_written_in_their_form(form: TextForm, expected: str) -> None:
    # E with a combining acute accent, a superscript two, the ligature fi.
    found = normalizer(form)
    assert found is not None
    assert found.normalize_str("E\u0301x² \ufb01") == expected


def test_korean_syllables_remain_composed_without_accents() -> None:
    found = normalizer(TextForm(strip_accents=True))
    assert found is not None
    assert found.normalize_str("한국어") == "한국어"


def test_a_text_is_unchanged_by_default() -> None:
    assert normalizer(TextForm()) is None
