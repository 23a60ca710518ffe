"""Connected components of a graph whose edges are read in batches: a union-find in arrays.

Choices:
- Each batch is joined completely before the next, so edges are read once. Nodes point to smaller
  ones, so a root is the smallest node of its component, whatever the order of the edges.
- All nodes of a batch follow their pointers at once, and then point to where they came: so a chain
  of n nodes takes log n steps (pointer jumping, Shiloach and Vishkin 1982).
- 4 bytes per node, below 2^31 nodes. Where most documents have no edge, nodes are numbered without
  gaps: a bit per document, and a count per 64 of them, find the node of a document.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Labels = NDArray[np.integer[Any]]
BATCH = 1 << 20
"""Nodes whose labels are completed at a time."""


def components(count: int, edges: Iterable[tuple[Numbers, Numbers]]) -> Labels:
    """Return the smallest node of each node's component; `edges` yields all edges, in batches.

    >>> components(5, [(np.array([4, 3]), np.array([3, 1]))]).tolist()
    [0, 1, 2, 1, 1]
    """
    label = np.arange(count, dtype=np.int32 if count < 1 << 31 else np.int64)
    for one, other in edges:
        while len(one):
            one, other = _roots(label, one), _roots(label, other)
            apart = one != other
            one, other = one[apart], other[apart]
            # Of several pointers of one root, any may win: the others are still apart.
            label[np.maximum(one, other)] = np.minimum(one, other)
    for start in range(0, count, BATCH):
        nodes = np.arange(start, min(start + BATCH, count))
        label[nodes] = _roots(label, nodes)
    return label


def _roots(label: Labels, nodes: Labels) -> Labels:
    """Return the root of each node, to which the nodes then point."""
    roots = label[nodes]
    (active,) = np.nonzero(label[roots] != roots)
    while len(active):
        some = nodes[active]
        further = label[label[some]]
        label[some] = further
        roots[active] = further
        active = active[label[further] != further]
    return roots


class Nodes:
    """Numbers without gaps, in the same order, for the documents that have an edge.

    >>> nodes = Nodes(1_000, [np.array([700, 5]), np.array([700, 9])])
    >>> nodes.count, nodes.of(np.array([9, 700])).tolist()
    (3, [1, 2])
    >>> nodes.documents().tolist()
    [5, 9, 700]
    """

    def __init__(self, documents: int, with_edges: Iterable[Numbers]) -> None:
        present = np.zeros(-(-documents // 64) * 64, bool)
        for numbers in with_edges:
            present[numbers] = True
        self._documents = documents
        self._bits = np.packbits(present, bitorder="little").view("<u8")
        counts = np.bitwise_count(self._bits)
        self._before = np.cumsum(counts, dtype=np.int64) - counts
        self.count = int(counts.sum(dtype=np.int64))

    def of(self, numbers: Numbers) -> Numbers:
        """Return the nodes of some documents that have an edge."""
        word = numbers >> 6
        below = (np.uint64(1) << (numbers & 63).astype(np.uint64)) - np.uint64(1)
        return self._before[word] + np.bitwise_count(self._bits[word] & below)

    def documents(self) -> Labels:
        """Return the document of each node."""
        found = np.empty(self.count, np.uint32 if self._documents < 1 << 32 else np.int64)
        for word in range(0, len(self._bits), BATCH // 64):
            bits = self._bits[word : word + BATCH // 64].view(np.uint8)
            (present,) = np.nonzero(np.unpackbits(bits, bitorder="little"))
            first = int(self._before[word])
            found[first : first + len(present)] = present + 64 * word
        return found
