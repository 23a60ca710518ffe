"""WordPiece: a word is split into the longest pieces in the vocabulary, from left to right.

Devlin et al. (2019, arXiv 1810.04805), section 3; pieces inside a word begin with `##`.

Choices:
- The vocabulary is that of bpe over characters, as in Hugging Face's trainer. That trainer alone
  numbers the characters inside words in the order of a hash table, so that every run produces
  another file. Here every character has its id before a word is read.
- A word that holds a character outside of the alphabet is one unknown token. The alphabet is the
  most frequent characters, which take two entries each: at most half of the vocabulary.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

import tokenizers
from tokenizers import decoders, models, trainers

from lmkit.tokenizers.pre_tokenizers import normalizer, pre_tokenizer
from lmkit.tokenizers.recipe import Recipe
from lmkit.tokenizers.trainers import (
    MIN_FREQUENCY,
    as_added_tokens,
    by_frequency,
    no_text_error,
    train_model,
)

PREFIX = "##"
MAX_WORD_LENGTH = 100
"""Characters; longer words are unknown, as with BERT."""


def wordpiece(texts: Iterable[str], recipe: Recipe) -> tokenizers.Tokenizer:
    """Train a WordPiece tokenizer; texts are read twice."""
    form = normalizer(recipe.form)
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(form.normalize_str(text) if form else text)
    visible = Counter(
        {character: count for character, count in counts.items() if not character.isspace()}
    )
    if not visible:
        raise no_text_error()
    left = recipe.vocabulary_size - len(recipe.special)
    alphabet = sorted(by_frequency(visible)[: max(1, left // 4)])

    bpe = tokenizers.Tokenizer(models.BPE(continuing_subword_prefix=PREFIX))
    bpe.pre_tokenizer = pre_tokenizer(recipe)
    known = [*recipe.special, *alphabet, *(PREFIX + character for character in alphabet)]
    trainer = trainers.BpeTrainer(
        vocab_size=recipe.vocabulary_size,
        min_frequency=MIN_FREQUENCY,
        special_tokens=as_added_tokens(known),
        continuing_subword_prefix=PREFIX,
        show_progress=False,
    )
    normalized = (form.normalize_str(text) if form else text for text in texts)
    train_model(bpe, _in_alphabet(normalized, frozenset(alphabet)), trainer)

    model = models.WordPiece(
        bpe.get_vocab(),
        unk_token=recipe.roles["unknown"],
        max_input_chars_per_word=MAX_WORD_LENGTH,
        continuing_subword_prefix=PREFIX,
    )
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizer(recipe)
    tokenizer.decoder = decoders.WordPiece(PREFIX, cleanup=False)
    tokenizer.add_special_tokens(as_added_tokens(recipe.special))
    return tokenizer


def _in_alphabet(texts: Iterable[str], alphabet: frozenset[str]) -> Iterator[str]:
    """Replace characters outside of the alphabet with a space."""
    for text in texts:
        for character in set(text) - alphabet:
            text = text.replace(character, " ")
        yield text
