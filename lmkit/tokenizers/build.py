"""Tokenizers, trained on text according to a `Recipe`.

Choices:
- Texts are read and counted, never stored; memory grows with the number of distinct words.
- The same texts produce the same file: ties are broken by text or by id, and no result depends on
  the number of threads.
- Special tokens come first (`special_tokens.py`), and are ordinary text in the training texts.
- Texts are read once, by wordpiece twice: it must know all characters before it merges any.
"""

from collections import Counter, deque
from collections.abc import Iterable

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

from lmkit.tokenizers.pre_tokenizers import normalizer, pre_tokenizer
from lmkit.tokenizers.recipe import Recipe
from lmkit.tokenizers.special_tokens import begin_and_end
from lmkit.tokenizers.trainers import (
    BYTES,
    MIN_FREQUENCY,
    NotEmpty,
    as_added_tokens,
    by_frequency,
    no_text_error,
    train_model,
)
from lmkit.tokenizers.unigram import unigram
from lmkit.tokenizers.wordpiece import wordpiece


def train(texts: Iterable[str], recipe: Recipe) -> tokenizers.Tokenizer:
    """Train a tokenizer.

    It has fewer tokens than requested if the texts yield fewer. Raises InputError if all texts are
    empty.
    """
    builders = {
        "bpe": _bpe,
        "unigram": unigram,
        "wordpiece": wordpiece,
        "word": _word,
        "character": _character,
        "byte": _byte,
    }
    tokenizer = builders[recipe.algorithm](NotEmpty(texts), recipe)
    form = normalizer(recipe.form)
    if form is not None:
        tokenizer.normalizer = form
    bos, eos = begin_and_end(recipe.roles)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}",
        pair=f"{bos} $A {eos} $B:1 {eos}:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (bos, eos)],
    )
    return tokenizer


def _bpe(texts: Iterable[str], recipe: Recipe) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(models.BPE())
    form = normalizer(recipe.form)
    if form is not None:
        tokenizer.normalizer = form
    tokenizer.pre_tokenizer = pre_tokenizer(recipe)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=recipe.vocabulary_size,
        min_frequency=MIN_FREQUENCY,
        special_tokens=as_added_tokens(recipe.special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    train_model(tokenizer, texts, trainer)
    return tokenizer


def _byte(texts: Iterable[str], recipe: Recipe) -> tokenizers.Tokenizer:
    """Return a tokenizer whose ids are byte values, counted after the special tokens."""
    # The vocabulary is known; the texts are read only to be counted and checked.
    deque(texts, maxlen=0)
    tokenizer = _character_level([*recipe.special, *map(_byte_character, range(256))], recipe)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _byte_character(byte: int) -> str:
    """Return the character that represents a byte in byte-level vocabularies, as in GPT-2's.

    Bytes that are printable in Latin-1 represent themselves. The rest use the code points from 256.
    """
    printed = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [value for value in range(256) if value not in printed]
    return chr(byte) if byte in printed else chr(256 + rest.index(byte))


def _character(texts: Iterable[str], recipe: Recipe) -> tokenizers.Tokenizer:
    form = normalizer(recipe.form)
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(form.normalize_str(text) if form else text)
    vocabulary = [*recipe.special, *BYTES, *by_frequency(counts)][: recipe.vocabulary_size]
    tokenizer = _character_level(vocabulary, recipe, byte_fallback=True)
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    return tokenizer


def _character_level(
    vocabulary: list[str], recipe: Recipe, *, byte_fallback: bool = False
) -> tokenizers.Tokenizer:
    """Return a character-level tokenizer: bpe without merges, in time linear in the text length."""
    ids = {token: number for number, token in enumerate(vocabulary)}
    tokenizer = tokenizers.Tokenizer(models.BPE(ids, [], byte_fallback=byte_fallback))
    tokenizer.add_special_tokens(as_added_tokens(recipe.special))
    return tokenizer


def _word(texts: Iterable[str], recipe: Recipe) -> tokenizers.Tokenizer:
    """Train a word-level tokenizer: words by decreasing frequency, then by text."""
    tokenizer = tokenizers.Tokenizer(models.WordLevel(unk_token=recipe.roles["unknown"]))
    form = normalizer(recipe.form)
    if form is not None:
        tokenizer.normalizer = form
    tokenizer.pre_tokenizer = pre_tokenizer(recipe)
    trainer = trainers.WordLevelTrainer(
        vocab_size=recipe.vocabulary_size,
        special_tokens=as_added_tokens(recipe.special),
        show_progress=False,
    )
    train_model(tokenizer, texts, trainer)
    if tokenizer.get_vocab_size() == len(recipe.special):
        raise no_text_error()  # white space only
    return tokenizer
