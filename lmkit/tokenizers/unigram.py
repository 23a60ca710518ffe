r"""Unigram: of all segmentations of a word, choose the one with the highest probability.

Kudo (2018, arXiv 1804.10959). The pieces and their probabilities are trained by the SentencePiece
library.

Choices:
- SentencePiece, because the trainer of the `tokenizers` library iterates over words in the order of
  a hash table, so that every run produces another file. SentencePiece sums in the order of its
  threads, whose number is therefore fixed: the file is the same on a machine with other cores.
- It gets words and their counts, split by lmkit's pre-tokenizer. Some characters are special to
  SentencePiece (space, tab, line break, ▁); they are replaced with others and never reach its
  rules.
- A space remains a space: no character replaces it, so none can be mistaken for it.
- Rare characters are encoded as bytes. The alphabet is the most frequent characters that together
  are 99.95% of the text, SentencePiece's default, and at most half of the vocabulary; and those of
  the special tokens.
- Bytes and special tokens are in the vocabulary, with a log-probability at which no text is ever
  split into them: `</s>` in a text is four characters, and `<0x0A>` is not a line break.
"""

import io
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

import sentencepiece
import tokenizers
from tokenizers import decoders, models

from lmkit.errors import LmkitError
from lmkit.execution.interruptible import interruptible
from lmkit.tokenizers.pre_tokenizers import normalizer, pre_tokenizer
from lmkit.tokenizers.recipe import Recipe, alphabet_of
from lmkit.tokenizers.special_tokens import special_tokens
from lmkit.tokenizers.trainers import BYTES, as_added_tokens, by_frequency

CHARACTER_COVERAGE = 0.9995
THREADS = 8
MAX_PIECE_LENGTH = 16
"""Characters, SentencePiece's default."""
ABSENT_LOG_PROBABILITY = -50.0
"""Log-probability of characters that are required and don't occur."""
NEVER_LOG_PROBABILITY = -1e6
"""Log-probability of tokens that no text is split into."""

ESCAPED_CHARACTERS = "\0\t\n\r \u2581\u2585"
ESCAPES = {ord(character): 0xF0000 + number for number, character in enumerate(ESCAPED_CHARACTERS)}
UNESCAPES = {
    code: ord(character)
    for character, code in zip(ESCAPED_CHARACTERS, ESCAPES.values(), strict=True)
}
"""Characters that are special to SentencePiece, and private code points to replace them."""


def unigram(texts: Iterable[str], recipe: Recipe) -> tokenizers.Tokenizer:
    """Train a Unigram tokenizer."""
    words = _words(texts, recipe)
    left = recipe.vocabulary_size - len(recipe.special) - len(BYTES)
    required = alphabet_of(special_tokens())
    alphabet = _alphabet(words, (left - len(required)) // 2) | set(required)
    absent = [character for character in required if not any(character in word for word in words)]
    pieces = _train(_split_at_unknown(words, alphabet), required, left - len(absent))
    # SentencePiece leaves out required characters that don't occur.
    pieces += [(character, ABSENT_LOG_PROBABILITY) for character in absent]
    vocabulary = [
        *((token, NEVER_LOG_PROBABILITY) for token in recipe.special),
        *((byte, NEVER_LOG_PROBABILITY) for byte in BYTES),
        *pieces,
    ]
    model = models.Unigram(vocabulary, unk_id=1, byte_fallback=True)
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizer(recipe)
    spaces = [decoders.Replace("▁", " ")] if recipe.pre_tokenizer == "metaspace" else []
    tokenizer.decoder = decoders.Sequence([*spaces, decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(as_added_tokens(recipe.special))
    return tokenizer


def _words(texts: Iterable[str], recipe: Recipe) -> Counter[str]:
    form, splitter = normalizer(recipe.form), pre_tokenizer(recipe)
    words: Counter[str] = Counter()
    for text in texts:
        text = form.normalize_str(text) if form else text
        words.update([word for word, _ in splitter.pre_tokenize_str(text)])
    return words


def _alphabet(words: Counter[str], max_size: int) -> set[str]:
    """Return the characters that together are nearly all of the text."""
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for character in word:
            counts[character] += count
    missing = counts.total() * (1 - CHARACTER_COVERAGE)
    ranked = by_frequency(counts)
    while ranked and counts[ranked[-1]] <= missing:
        missing -= counts[ranked.pop()]
    return set(ranked[:max_size])


def _split_at_unknown(words: Counter[str], alphabet: set[str]) -> Counter[str]:
    """Split words at characters that are not in the alphabet."""
    parts: Counter[str] = Counter()
    for word, count in words.items():
        if alphabet.issuperset(word):
            parts[word] += count
            continue
        for known, part in groupby(word, alphabet.__contains__):
            if known:
                parts["".join(part)] += count
    return parts


def _train(words: Counter[str], required: str, size: int) -> list[tuple[str, float]]:
    """Return the pieces, and the logarithms of their probabilities."""

    def lines() -> Iterator[str]:
        for word in by_frequency(words):
            yield f"{word.translate(ESCAPES)}\t{words[word]}"

    written = io.BytesIO()
    try:
        interruptible(
            lambda stoppable: sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=stoppable(lines()),
                model_writer=written,
                input_format="tsv",
                model_type="unigram",
                vocab_size=size + 1,  # and one for the unknown token, which can't be disabled
                hard_vocab_limit=False,
                required_chars=required,
                character_coverage=1.0,
                max_sentencepiece_length=MAX_PIECE_LENGTH,
                max_sentence_length=2**30,
                num_threads=THREADS,
                shuffle_input_sentence=False,
                normalization_rule_name="identity",
                add_dummy_prefix=False,
                remove_extra_whitespaces=False,
                split_by_whitespace=False,
                split_by_unicode_script=False,
                split_by_number=False,
                unk_id=0,
                bos_id=-1,
                eos_id=-1,
                pad_id=-1,
                minloglevel=2,
            )
        )
    except RuntimeError as error:
        raise LmkitError(f"SentencePiece: {error}") from None
    model = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    return [
        (model.id_to_piece(number).translate(UNESCAPES), model.get_score(number))
        for number in range(1, model.get_piece_size())
    ]
