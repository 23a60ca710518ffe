r"""How text is normalized and split into words before tokens are looked for.

| pre-tokenizer | splits                                                                  |
| ------------- | ----------------------------------------------------------------------- |
| gpt4          | letters with the sign before them, digits by threes, other signs, blanks |
| gpt2          | letters, digits, other signs, each with the blank before it; blanks     |
| whitespace    | at white space alone                                                    |
| words         | `\w+`, and runs of other signs                                          |
| bert          | at white space, each punctuation mark and each Chinese character apart  |
| metaspace     | before each blank, which is then written ▁                              |

Choices:
- For bpe and unigram every character stays: a blank goes with the word behind it. For wordpiece
  and word the same borders hold, and white space is left out.
- No pattern steps back over a long run one sign at a time: in a run of ten million blanks the
  regex engine would give up, and the library panic.
- With metaspace a ▁ that stands in the text comes back as a blank, as in SentencePiece; with all
  others a blank stays a blank, and nothing is lost.
- A word could read like a special token or, for wordpiece, like a continuation: where `<s>` or
  `##a` would be left whole, the first sign is split off.
"""

import tokenizers
from tokenizers import normalizers, pre_tokenizers

from lmkit.tokenizers.options import Digits, PreTokenizer, TextForm
from lmkit.tokenizers.recipe import WORDS_ONLY, Recipe

DIGITS: dict[Digits, str] = {"single": r"\p{N}", "triples": r"\p{N}{1,3}", "runs": r"\p{N}+"}

BLANKS = r"\s+(?!\S)|\s+"

PUNCTUATION = r"!-/:-@\[-`{-~\p{P}"
"""What BERT's tokenizer calls punctuation: all ASCII signs but letters and digits, too."""

CHINESE = (
    r"\x{4e00}-\x{9fff}\x{3400}-\x{4dbf}\x{20000}-\x{2a6df}\x{2a700}-\x{2b73f}"
    r"\x{2b740}-\x{2b81f}\x{2b820}-\x{2ceaf}\x{f900}-\x{faff}\x{2f800}-\x{2fa1f}"
)
"""The blocks that BERT's tokenizer splits into single characters."""


def pattern(name: PreTokenizer, digits: Digits | None = None) -> str:
    r"""Return the regular expression whose matches are the words, every character in one of them.

    gpt2 is the pattern of Radford et al. (2019), as published with GPT-2. gpt4 is the one that
    OpenAI published for cl100k_base, with one branch written in another way that matches the same:
    `\s*[\r\n]+` steps back over a run of blanks one by one.
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
    return f"{rest}|{BLANKS}"


def normalizer(form: TextForm) -> normalizers.Normalizer | None:
    """Return what writes a text in its form; None where it is left alone.

    >>> normalizer(TextForm(lowercase=True, strip_accents=True)).normalize_str("Čapek")
    'capek'
    """
    unicode = {None: normalizers.NFC, "nfc": normalizers.NFC, "nfkc": normalizers.NFKC}
    steps: list[normalizers.Normalizer] = [unicode[form.unicode]()] if form.unicode else []
    if form.lowercase:
        steps.append(normalizers.Lowercase())
    if form.strip_accents:
        # What has lost its marks is put together again: Korean would stay in pieces.
        steps += [normalizers.NFD(), normalizers.StripAccents(), unicode[form.unicode]()]
    return normalizers.Sequence(steps) if steps else None


def pre_tokenizer(recipe: Recipe) -> pre_tokenizers.PreTokenizer:
    """Return what splits a text into words, for algorithms that have words."""
    assert recipe.pre_tokenizer is not None
    if recipe.algorithm in WORDS_ONLY:
        steps = _words_alone(recipe.pre_tokenizer, recipe.digits)
        return pre_tokenizers.Sequence(steps + [_split("#")] * (recipe.algorithm == "wordpiece"))
    steps = [_split(pattern(recipe.pre_tokenizer, recipe.digits))]
    if recipe.digits and recipe.pre_tokenizer not in {"gpt2", "gpt4"}:
        steps.append(_split(DIGITS[recipe.digits]))
    if recipe.pre_tokenizer == "metaspace":
        steps.append(pre_tokenizers.Metaspace("▁", prepend_scheme="never", split=False))
    if recipe.algorithm == "bpe":
        steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False))
    return pre_tokenizers.Sequence(steps)


def _words_alone(name: PreTokenizer, digits: Digits | None) -> list[pre_tokenizers.PreTokenizer]:
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
