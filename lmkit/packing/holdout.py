"""Which documents are held out, and the order in which documents lie.

Choices:
- Both follow from a hash of the seed and of what a document calls itself, never from where it
  stands: they are the same however the input was cut into tasks and whoever finished first.
- Documents of one cluster (near-duplicates, by `metadata.cluster`) are held out together or not at
  all: a model must not be tested on what it has seen but for a word. The cluster's name is hashed
  as an id would be, so a cluster that is named after a document goes where that document goes.
  The order goes by the id even so, or near-duplicates would lie side by side. The parts of a
  document that was cut (`metadata.part`) are kin in the same way, by the id of the whole.
- 64 bits. Two of ten million documents share a key with odds of 1 in 370,000, and all that a
  shared key does is to leave those two to be ordered by their texts.
"""

from collections.abc import Mapping
from typing import Any

from lmkit.text.digests import document_key

HoldoutGroup = tuple[int, int]
"""What is held out as one: the hash that decides, and, but for a cluster, that of the text."""


def kin(seed: int, id: str, text: int, cluster: object = None) -> HoldoutGroup:  # noqa: A002
    """Say which documents a document with this id and hash of its text is held out with.

    A cluster is a whole number, or a text that isn't empty; anything else is none.

    >>> kin(0, "a", 5, "near") == kin(0, "b", 6, "near"), kin(0, "a", 5) == kin(0, "a", 6)
    (True, False)
    """
    named = isinstance(cluster, str | int) and not isinstance(cluster, bool) and cluster != ""
    return (document_key(seed, str(cluster)), 0) if named else (document_key(seed, id), text)


def cluster_of(metadata: Mapping[str, Any]) -> object:
    """Return the cluster that a document's metadata names, else the whole that it is a part of.

    >>> cluster_of({"cluster": 7}), cluster_of({"part": {"of": "a"}}), cluster_of({"part": 3})
    (7, 'a', None)
    """
    match metadata:
        case {"cluster": cluster} if cluster is not None:
            return cluster
        case {"part": {"of": str(whole)}}:
            return whole
        case _:
            return None


def is_held_out(key: int, share: float) -> bool:
    """Whether the document with this key is among the share that is held out.

    The comparison is exact: a share of 0 takes none, and a share of 1 takes all.

    >>> is_held_out(2**63 - 1, 0.5), is_held_out(2**63, 0.5)
    (True, False)
    """
    # Python compares an int with a float exactly; numpy would round the key to a float first.
    return int(key) < share * 2.0**64
