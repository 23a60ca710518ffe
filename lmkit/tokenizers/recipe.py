"""The settings of a tokenizer, checked before any text is read.

| algorithm | a token is                                   | decodes to                            |
| --------- | -------------------------------------------- | ------------------------------------- |
| bpe       | a part of a word, merged from bytes          | the same text                         |
| unigram   | a likely part of a word, or a byte           | the same text                         |
| wordpiece | the start of a word, or a `##continuation`   | words separated by one space, [UNK]   |
| word      | a word                                       | words separated by one space, <unk>   |
| character | a character, or a byte of a rare one         | the same text                         |
| byte      | a byte of the text's UTF-8                   | the same text                         |

Choices:
- A text is normalized, then split into words by a pre-tokenizer, then numbers are split; tokens
  never cross these boundaries. "The same text" is the normalized one.
- Incompatible settings are rejected, with the compatible ones named.
"""

from dataclasses import dataclass, field

from lmkit.errors import ConfigError
from lmkit.tokenizers.options import Algorithm, Digits, PreTokenizer, TextForm
from lmkit.tokenizers.special_tokens import SENTINELS, roles_of, special_tokens

WORDS_ONLY = {"wordpiece", "word"}
"""Algorithms that keep words and drop the white space between them."""

PRE_TOKENIZERS: dict[str, tuple[PreTokenizer, ...]] = {
    "bpe": ("gpt4", "gpt2", "whitespace", "words", "bert"),
    "unigram": ("gpt4", "gpt2", "whitespace", "words", "bert", "metaspace"),
    "wordpiece": ("bert", "words", "whitespace", "gpt2", "gpt4"),
    "word": ("words", "bert", "whitespace", "gpt2", "gpt4"),
}
"""Pre-tokenizers by algorithm, the default first; the others split text into characters."""


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a tokenizer, except the text.

    >>> Recipe("wordpiece").pre_tokenizer, Recipe("bpe", digits="single").digits
    ('bert', 'single')
    """

    algorithm: Algorithm = "bpe"
    vocabulary_size: int = 32_768
    """Maximum number of tokens, including special ones."""
    sentinels: int = SENTINELS
    pre_tokenizer: PreTokenizer | None = None
    """How text is split into words; None is replaced with the algorithm's default."""
    digits: Digits | None = None
    """How numbers are split; None leaves that to the pre-tokenizer: gpt4 splits into triples."""
    form: TextForm = field(default_factory=TextForm)

    def __post_init__(self) -> None:
        known = PRE_TOKENIZERS.get(self.algorithm, ())
        if self.pre_tokenizer is None and known:
            object.__setattr__(self, "pre_tokenizer", known[0])
        for name, value in (("pre-tokenizer", self.pre_tokenizer), ("digits", self.digits)):
            if value is not None and not known:
                raise ConfigError(
                    f"--{name}: got {value}, but --algorithm {self.algorithm} doesn't use words",
                    f"omit it, or choose --algorithm {', '.join(PRE_TOKENIZERS)}",
                )
        if known and self.pre_tokenizer not in known:
            raise ConfigError(
                f"--pre-tokenizer: got {self.pre_tokenizer}, but --algorithm {self.algorithm} "
                f"supports {', '.join(known)}"
            )
        needed = self.min_vocabulary_size
        if self.vocabulary_size < needed:
            raise ConfigError(
                f"--vocab-size: got {self.vocabulary_size}, must be at least {needed}: "
                f"{_units(self.algorithm)[1]} and {len(self.special)} special tokens",
                f"give --vocab-size {needed} or more",
            )

    @property
    def roles(self) -> dict[str, str]:
        """The text of the token for each role."""
        return roles_of(self.algorithm)

    @property
    def special(self) -> tuple[str, ...]:
        """The special tokens, in the order of their ids."""
        return special_tokens(self.sentinels, self.roles)

    @property
    def min_vocabulary_size(self) -> int:
        """The smallest possible vocabulary size."""
        return _units(self.algorithm)[0] + len(self.special)

    @property
    def is_lossless(self) -> bool:
        """Whether decoding always returns the normalized text."""
        return self.algorithm not in WORDS_ONLY and self.pre_tokenizer != "metaspace"


def alphabet_of(special: tuple[str, ...]) -> str:
    """Return the distinct characters of special tokens, in order.

    >>> alphabet_of(("<s>", "</s>"))
    '/<>s'
    """
    return "".join(sorted(set("".join(special))))


def _units(algorithm: Algorithm) -> tuple[int, str]:
    """Return what a vocabulary needs in addition to special tokens: a count and a description."""
    if algorithm == "word":
        return 1, "1 word"
    if algorithm == "wordpiece":
        return 2, "1 character, at the start of words and inside"
    if algorithm == "unigram":
        letters = len(alphabet_of(special_tokens()))
        return 256 + letters, f"256 bytes, {letters} characters"
    return 256, "256 bytes"
