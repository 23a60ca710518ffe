"""Which vocabulary suits a model, as advice: data that is packed has one.

Choice: the parameters of the best vocabulary grow with all others to the power of 0.83 (Tao et al.
2024, arXiv 2407.13623, section 4.2, on models of 33 million to 3 billion parameters). The factor is
that of their result for Llama 2 70B: 216,000 entries, of 8,192 numbers each.
"""

EXPONENT = 0.83
ANCHOR_PARAMETERS, ANCHOR_ENTRIES, ANCHOR_WIDTH = 70e9, 216_000, 8_192


def suggested_vocabulary(other_parameters: int, hidden_size: int) -> int:
    """Return the entries that a model should have.

    Args:
        other_parameters: those of the model that aren't of the vocabulary.
        hidden_size: numbers of an entry.

    >>> suggested_vocabulary(70_000_000_000, 8192)
    216000

    """
    share = (other_parameters / ANCHOR_PARAMETERS) ** EXPONENT
    return round(ANCHOR_ENTRIES * ANCHOR_WIDTH * share / hidden_size)
