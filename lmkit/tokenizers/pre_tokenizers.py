r"""How text is normalized and split into words before tokenization.

| pre-tokenizer | splits                                                                   |
| ------------- | ------------------------------------------------------------------------ |
| gpt4          | letters with one character before, digits by threes, others, white space |
| gpt2          | letters, digits, other characters, with the space before; white space    |
| whitespace    | at white space only                                                      |
| words         | `\w+`, and runs of other characters                                      |
| bert          | at white space; every punctuation and Chinese character separately       |
| metaspace     | before spaces, which are then written ▁                                  |

Choices:
- For bpe and unigram every character is kept: a space belongs to the word after it. For wordpiece
  and word the boundaries are the same, and white space is dropped.
- No pattern backtracks over a long run one character at a time: in a run of ten million spaces the
  regex engine would fail, and the library panic.
- With metaspace a ▁ in the text is decoded as a space, as in SentencePiece; with all others a space
  remains a space, and nothing is lost.
- A word could look like a special token or, for wordpiece, like a continuation: if `<s>` or `##a`
  would not be split, the first character is split off.
"""

import tokenizers
from tokenizers import normalizers, pre_tokenizers

from lmkit.tokenizers.options import Digits, PreTokenizer, TextForm
from lmkit.tokenizers.recipe import WORDS_ONLY, Recipe

DIGITS: dict[Digits, str] = {"single": r"\p{N}", "triples": r"\p{N}{1,3}", "runs": r"\p{N}+"}

WHITE_SPACE = r"\s+(?!\S)|\s+"

PUNCTUATION = r"!-/:-@\[-`{-~\p{P}"
"""BERT's definition of punctuation, which includes all ASCII symbols."""

CHINESE = (
    r"\x{4e00}-\x{9fff}\x{3400}-\x{4dbf}\x{20000}-\x{2a6df}\x{2a700}-\x{2b73f}"
    r"\x{2b740}-\x{2b81f}\x{2b820}-\x{2ceaf}\x{f900}-\x{faff}\x{2f800}-\x{2fa1f}"
)
"""The blocks that BERT's tokenizer splits into single characters."""


def pattern(name: PreTokenizer, digits: Digits | None = None) -> str:
    r"""Return the regular expression whose matches are the words; they cover every character.

    gpt2 is the pattern of Radford et al. (2019), as published with GPT-2. gpt4 is the one that
    OpenAI published for cl100k_base, with one branch replaced by one that matches the same:
    `\s*[\r\n]+` backtracks over a run of white space character by character.
    """
    number = DIGITS[digits] if digits else r"\p{N}{1,3}" if name == "gpt4" else r" ?\p{N}+"
    rest = {
        "gpt4": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
        rf"{number}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|(?:[^\S\r\n]*+[\r\n]+)+",
        "gpt2": rf"'s|'t|'re|'ve|'m|'ll|'d| ?\p{{L}}+|{number}| ?[^\s\p{{L}}\p{{N}}]+",
        "whitespace": r" ?\S+",
        "words": r" ?\w+| ?[^\w\s]+",
        "bert": rf" ?[{PUNCTUATION}{CHINESE}]| ?[^\s{PUNCTUATION}{CHINESE}]+",
        "metaspace": r" ?\S+",
    }[name]
    return f"{rest}|{WHITE_SPACE}"


def normalizer(form: TextForm) -> normalizers.Normalizer | None:
    """Return the normalizer of a text form; None if it changes nothing.

    >>> normalizer(TextForm(lowercase=True, strip_accents=True)).normalize_str("Čapek")
    'capek'
    """
    unicode = {None: normalizers.NFC, "nfc": normalizers.NFC, "nfkc": normalizers.NFKC}
    steps: list[normalizers.Normalizer] = [unicode[form.unicode]()] if form.unicode else []
    if form.lowercase:
        steps.append(normalizers.Lowercase())
    if form.strip_accents:
        # The rest is composed again: Korean syllables would remain decomposed.
        steps += [normalizers.NFD(), normalizers.StripAccents(), unicode[form.unicode]()]
    return normalizers.Sequence(steps) if steps else None


def pre_tokenizer(recipe: Recipe) -> pre_tokenizers.PreTokenizer:
    """Return the pre-tokenizer of a recipe, for algorithms that have words."""
    assert recipe.pre_tokenizer is not None
    if recipe.algorithm in WORDS_ONLY:
        steps = _word_steps(recipe.pre_tokenizer, recipe.digits)
        return pre_tokenizers.Sequence(steps + [_split("#")] * (recipe.algorithm == "wordpiece"))
    steps = [_split(pattern(recipe.pre_tokenizer, recipe.digits))]
    if recipe.digits and recipe.pre_tokenizer not in {"gpt2", "gpt4"}:
        steps.append(_split(DIGITS[recipe.digits]))
    if recipe.pre_tokenizer == "metaspace":
        steps.append(pre_tokenizers.Metaspace("▁", prepend_scheme="never", split=False))
    if recipe.algorithm == "bpe":
        steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False))
    return pre_tokenizers.Sequence(steps)


def _word_steps(name: PreTokenizer, digits: Digits | None) -> list[pre_tokenizers.PreTokenizer]:
    steps: list[pre_tokenizers.PreTokenizer]
    if name == "bert":
        steps = [pre_tokenizers.BertPreTokenizer(), _split(f"[{CHINESE}]")]
    elif name == "words":
        steps = [pre_tokenizers.Whitespace()]
    elif name == "whitespace":
        steps = [
            pre_tokenizers.WhitespaceSplit(),
            _split(r"<(?=(?:/?s|pad|unk|mask|cls|sep|fim_[a-z]+|extra_id_\d+)>)"),
        ]
    else:
        steps = [_split(pattern(name, digits)), pre_tokenizers.WhitespaceSplit()]
    if digits and name not in {"gpt2", "gpt4"}:
        steps.append(_split(DIGITS[digits]))
    return steps


def _split(regular_expression: str) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Split(tokenizers.Regex(regular_expression), "isolated")
