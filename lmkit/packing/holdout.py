"""The hold-out split, and the order of documents.

Choices:
- Both depend on a hash of the seed and of the document's id, never on its location: they are the
  same however the input was split into tasks and whichever worker finished first.
- Documents of one cluster (near-duplicates, by `metadata.cluster`) are held out together or not at
  all: a model must not be evaluated on a near-copy of its training data. The cluster's name is
  hashed as an id would be, so a cluster that is named after a document is in the same split as that
  document. The order is still by id, or near-duplicates would be adjacent. The parts of a document
  that was split (`metadata.part`) are a hold-out group in the same way, by the id of the original.
- 64 bits. Two of ten million documents share a key with a probability of 1 in 370,000, and the only
  effect of a shared key is that those two are ordered by their texts.
"""

from collections.abc import Mapping
from typing import Any

from lmkit.text.digests import document_key

HoldoutGroup = tuple[int, int]
"""Documents held out together: the hash that decides, and the hash of the text (0: a cluster)."""


def holdout_group(seed: int, id: str, text: int, cluster: object = None) -> HoldoutGroup:  # noqa: A002
    """Return the hold-out group of a document with this id and hash of its text.

    A cluster is an integer or a non-empty string; anything else is ignored.

    >>> holdout_group(0, "a", 5, "near") == holdout_group(0, "b", 6, "near")
    True
    >>> holdout_group(0, "a", 5) == holdout_group(0, "a", 6)
    False
    """
    named = isinstance(cluster, str | int) and not isinstance(cluster, bool) and cluster != ""
    return (document_key(seed, str(cluster)), 0) if named else (document_key(seed, id), text)


def cluster_of(metadata: Mapping[str, Any]) -> object:
    """Return the cluster in a document's metadata, else the document that it is a part of.

    >>> cluster_of({"cluster": 7}), cluster_of({"part": {"of": "a"}}), cluster_of({"part": 3})
    (7, 'a', None)
    """
    match metadata:
        case {"cluster": cluster} if cluster is not None:
            return cluster
        case {"part": {"of": str(original)}}:
            return original
        case _:
            return None


def is_held_out(key: int, fraction: float) -> bool:
    """Return whether the document with this key is in the fraction that is held out.

    The comparison is exact: a fraction of 0 holds out none, and a fraction of 1 all.

    >>> is_held_out(2**63 - 1, 0.5), is_held_out(2**63, 0.5)
    (True, False)
    """
    # Python compares an int with a float exactly; numpy would first round the key to a float.
    return int(key) < fraction * 2.0**64
