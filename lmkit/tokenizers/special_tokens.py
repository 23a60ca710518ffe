"""The special tokens of every tokenizer trained here, and their ids.

    0 <pad>   1 <unk>   2 <s>   3 </s>   4 <mask>   5 <cls>   6 <sep>
    7 <fim_prefix>      8 <fim_middle>   9 <fim_suffix>
    10 ... 265          <extra_id_255> ... <extra_id_0>

WordPiece has BERT's names (Devlin et al. 2019, arXiv 1810.04805), and no others:

    0 [PAD]   1 [UNK]   2 [CLS]   3 [SEP]   4 [MASK]
    5 <fim_prefix>      6 <fim_middle>   7 <fim_suffix>
    8 ... 263           <extra_id_255> ... <extra_id_0>

Choices:
- One set for all objectives, so that a tokenizer never has to be rebuilt for another one.
- They come first, so their ids don't depend on the size of the vocabulary.
- Sentinels count down, as in T5's published vocabulary (Raffel et al. 2020, arXiv 1910.10683):
  the first masked span of a document gets the highest of their ids, the next one the id below.
- 256 sentinels, because 2,048 tokens have up to 114 spans at T5's rates, more than its 100.
"""

from collections.abc import Mapping

ROLES = {
    "pad": "<pad>",
    "unknown": "<unk>",
    "begin": "<s>",
    "end": "</s>",
    "mask": "<mask>",
    "class": "<cls>",
    "separator": "<sep>",
}
"""The text of the token for each role; ids 0 to 6 in this order."""

BERT_ROLES = {
    "pad": "[PAD]",
    "unknown": "[UNK]",
    "class": "[CLS]",
    "separator": "[SEP]",
    "mask": "[MASK]",
}
"""Those of WordPiece, ids 0 to 4: documents begin with the class token and end with the separator,
so a fine-tuned model finds there what it was trained on."""

FILL_IN_THE_MIDDLE = ("<fim_prefix>", "<fim_middle>", "<fim_suffix>")
"""Bavarian et al. 2022, arXiv 2207.14255, with the texts that StarCoder uses."""

SENTINELS = 256


def sentinel(number: int) -> str:
    """Return the text of the token that replaces span `number` of a document.

    >>> sentinel(0)
    '<extra_id_0>'
    """
    return f"<extra_id_{number}>"


def roles_of(algorithm: str) -> dict[str, str]:
    """Return the text of the token for each role that a tokenizer trained here has.

    >>> roles_of("wordpiece")["mask"], roles_of("bpe")["mask"]
    ('[MASK]', '<mask>')
    """
    return BERT_ROLES if algorithm == "wordpiece" else ROLES


def begin_and_end(roles: Mapping[str, str]) -> tuple[str, str]:
    """Return the tokens around a document: BOS and EOS, or else class and separator token."""
    return roles.get("begin") or roles["class"], roles.get("end") or roles["separator"]


def special_tokens(sentinels: int = SENTINELS, roles: Mapping[str, str] = ROLES) -> tuple[str, ...]:
    """Return every special token in the order of the ids.

    >>> special_tokens(2)[-4:]
    ('<fim_middle>', '<fim_suffix>', '<extra_id_1>', '<extra_id_0>')
    """
    spans = (sentinel(number) for number in reversed(range(sentinels)))
    return (*roles.values(), *FILL_IN_THE_MIDDLE, *spans)
