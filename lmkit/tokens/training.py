"""Tokenizers, built from text.

| algorithm | a token is                                  | decodes to                   |
| --------- | ------------------------------------------- | ---------------------------- |
| bpe       | a part of a word, merged from bytes         | the same text                |
| byte      | a byte of the text's UTF-8                  | the same text                |
| character | a character, or a byte of a rare one        | the same text                |
| word      | a run of word characters, or of punctuation | words one blank apart, <unk> |

Choices:
- bpe splits text as GPT-4 does before it merges, with numbers in groups of three digits.
- Texts are read once and counted, never kept; memory grows with the distinct words.
- The same texts make the same file: ties go by text or by id, and no result depends on how many
  threads have counted.
- Special tokens come first (`special.py`), and are text like any other while reading.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from typing import Literal

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

from lmkit.errors import ConfigError, InputError
from lmkit.tokens.special import ROLES, SENTINELS, special_tokens
from lmkit.tokens.text import well_formed

Algorithm = Literal["bpe", "word", "character", "byte"]

WORD_PIECES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|(?:[^\S\r\n]*+[\r\n]+)+|\s+(?!\S)|\s+"
)
r"""How text is split before bpe merges it: the pattern that OpenAI published for cl100k_base.

One branch is written in another way that matches the same: `\s*[\r\n]+` steps back over a run of
blanks one by one, and in a run of ten million the regex engine gives up and the library panics.
"""

MIN_FREQUENCY = 2
"""bpe merges no pair that occurs less often: such a token would hardly ever be trained."""


def minimum(algorithm: Algorithm, sentinels: int = SENTINELS) -> int:
    """Smallest vocabulary that can work.

    >>> minimum("bpe"), minimum("word")
    (522, 267)
    """
    return _units(algorithm) + len(special_tokens(sentinels))


def require_size(algorithm: Algorithm, vocabulary_size: int, sentinels: int = SENTINELS) -> None:
    """Refuse a vocabulary that is too small, and say why.

    >>> require_size("bpe", 12)
    Traceback (most recent call last):
    lmkit.errors.ConfigError: --vocab-size: got 12, must be at least 522: \
256 bytes and 266 special tokens
    """
    least = minimum(algorithm, sentinels)
    if vocabulary_size < least:
        units = "1 word" if algorithm == "word" else "256 bytes"
        why = f"{units} and {least - _units(algorithm)} special tokens"
        raise ConfigError(
            f"--vocab-size: got {vocabulary_size}, must be at least {least}: {why}",
            f"give --vocab-size {least} or more",
        )


def train(
    texts: Iterable[str],
    algorithm: Algorithm,
    vocabulary_size: int,
    sentinels: int = SENTINELS,
) -> tokenizers.Tokenizer:
    """Build a tokenizer of at most `vocabulary_size` tokens, special tokens included.

    There are fewer where the texts yield fewer. Texts that hold nothing are an InputError.
    """
    require_size(algorithm, vocabulary_size, sentinels)
    build = {"bpe": _bpe, "byte": _byte, "character": _character, "word": _word}[algorithm]
    tokenizer = build(_read(texts), vocabulary_size, special_tokens(sentinels))
    begin, end = ROLES["begin"], ROLES["end"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}",
        pair=f"{begin} $A {end} $B:1 {end}:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (begin, end)],
    )
    return tokenizer


def _units(algorithm: Algorithm) -> int:
    return 1 if algorithm == "word" else 256


def _read(texts: Iterable[str]) -> Iterator[str]:
    """Hand on the texts that hold something, and insist that there is one."""
    empty = True
    for text in texts:
        if text:
            empty = False
            yield well_formed(text)
    if empty:
        raise _nothing_to_learn()


def _nothing_to_learn() -> InputError:
    return InputError(
        "there is no text to build a tokenizer from: no document holds anything",
        "see what the stage before has dropped, and why",
    )


def _added(texts: Iterable[str]) -> list[tokenizers.AddedToken]:
    return [tokenizers.AddedToken(text, special=True, normalized=False) for text in texts]


def _bpe(texts: Iterator[str], size: int, special: tuple[str, ...]) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(tokenizers.Regex(WORD_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=MIN_FREQUENCY,
        special_tokens=_added(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _byte(texts: Iterator[str], _size: int, special: tuple[str, ...]) -> tokenizers.Tokenizer:
    """Give each byte the id of its value, counted from behind the special tokens."""
    deque(
        texts, maxlen=0
    )  # the vocabulary is known; what is read is counted and checked all the same
    tokenizer = _without_merges(
        [*special, *map(_byte_sign, range(256))], special, byte_fallback=False
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _byte_sign(byte: int) -> str:
    """Sign by which byte-level tokenizers write a byte, as in GPT-2's vocabulary.

    Bytes that Latin-1 prints stand for themselves. The rest take the code points from 256 on.
    """
    printed = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [value for value in range(256) if value not in printed]
    return chr(byte) if byte in printed else chr(256 + rest.index(byte))


def _character(texts: Iterator[str], size: int, special: tuple[str, ...]) -> tokenizers.Tokenizer:
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    ranked = sorted(counts, key=lambda character: (-counts[character], character))
    rare = [f"<0x{byte:02X}>" for byte in range(256)]
    vocabulary = [*special, *rare, *ranked][:size]
    tokenizer = _without_merges(vocabulary, special, byte_fallback=True)
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    return tokenizer


def _without_merges(
    vocabulary: list[str], special: tuple[str, ...], *, byte_fallback: bool
) -> tokenizers.Tokenizer:
    """Read sign by sign: bpe with nothing to merge, in time linear in a document's length."""
    ids = {token: number for number, token in enumerate(vocabulary)}
    tokenizer = tokenizers.Tokenizer(models.BPE(ids, [], byte_fallback=byte_fallback))
    tokenizer.add_special_tokens(_added(special))
    return tokenizer


def _word(texts: Iterator[str], size: int, special: tuple[str, ...]) -> tokenizers.Tokenizer:
    """Words by falling frequency, then by text; decoded, they stand one blank apart."""
    tokenizer = tokenizers.Tokenizer(models.WordLevel(unk_token=ROLES["unknown"]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordLevelTrainer(
        vocab_size=size, special_tokens=_added(special), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    if tokenizer.get_vocab_size() == len(special):
        raise _nothing_to_learn()  # blanks only
    return tokenizer
