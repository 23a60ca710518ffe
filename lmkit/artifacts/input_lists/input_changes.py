"""How the inputs of a plan differ from those of an earlier one.

Choice: of many inputs, those that were planned earlier are streamed, and compared one by one while
both are the same files in the same order. Only then are they matched by hashes of their identities;
the first thousand changes are named.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from lmkit.artifacts.input_lists.input_table import InputTable
from lmkit.artifacts.input_lists.recorded_input import Input
from lmkit.storage.remote_files import shown

Same = Callable[[int, Input, Input], bool]
"""Whether an earlier input, given with its index, and one of now have the same content."""
MATCHED_AS_OBJECTS = 100_000
NAMED = 1_000
ODD = np.uint64(0x9E3779B97F4A7C15)
"""Tells the first input of a hash from the second one."""


def input_changes(before: Sequence[Input], now: Sequence[Input], same: Same) -> list[str]:
    """Name every input that is new, removed, or not the same."""
    if max(len(before), len(now)) > MATCHED_AS_OBJECTS:
        in_order = _changes_in_order(before, now, same)
        return _named(_changes_by_hash(before, now, same) if in_order is None else in_order)
    if [i.identity for i in before] == [i.identity for i in now]:
        pairs = zip(before, now, strict=True)
        return [_changed(b) for index, (a, b) in enumerate(pairs) if not same(index, a, b)]
    changes: list[str] = []
    old, new = _by_identity(before), _by_identity(now)
    for key in new | old:
        pairs = zip(old.get(key, []), new.get(key, []), strict=False)
        changes += [_changed(b) for (index, a), (_, b) in pairs if not same(index, a, b)]
        shared = min(len(old.get(key, [])), len(new.get(key, [])))
        changes += [f"input {shown(i.path)} is new" for _, i in new.get(key, [])[shared:]]
        changes += [f"input {shown(i.path)} is gone" for _, i in old.get(key, [])[shared:]]
    return changes


def _changed(item: Input) -> str:
    return f"input {shown(item.path)} has changed"


def _by_identity(inputs: Iterable[Input]) -> dict[tuple[str, str], list[tuple[int, Input]]]:
    groups: dict[tuple[str, str], list[tuple[int, Input]]] = {}
    for index, item in enumerate(inputs):
        groups.setdefault(item.identity, []).append((index, item))
    return groups


def _changes_in_order(
    before: Sequence[Input], now: Sequence[Input], same: Same
) -> list[str] | None:
    """Return the changes; None where the inputs aren't the same ones in the same order."""
    if len(before) != len(now):
        return None
    changes: list[str] = []
    for index, (a, b) in enumerate(zip(before, now, strict=True)):
        if a.identity != b.identity:
            return None
        if not same(index, a, b):
            changes.append(_changed(b))
    return changes


def _changes_by_hash(before: Sequence[Input], now: Sequence[Input], same: Same) -> Iterator[str]:
    old = before if isinstance(before, InputTable) else InputTable(before)
    old_keys, new_keys = _keys(old), _keys(now)
    _, matched_old, matched_new = np.intersect1d(
        old_keys, new_keys, assume_unique=True, return_indices=True
    )
    in_order = np.argsort(matched_new)
    pairs = zip(matched_old[in_order].tolist(), matched_new[in_order].tolist(), strict=True)
    for a, b in cast("Iterator[tuple[int, int]]", pairs):
        if old[a].identity != now[b].identity or not same(a, old[a], now[b]):
            yield _changed(now[b])
    for inputs, matched, what in ((now, matched_new, "new"), (old, matched_old, "gone")):
        is_other = np.ones(len(inputs), np.bool_)
        is_other[matched] = False
        for index in np.flatnonzero(is_other).tolist():
            yield f"input {shown(inputs[index].path)} is {what}"


def _keys(inputs: Iterable[Input]) -> NDArray[np.uint64]:
    """Return a different number for each input: of its identity, and how often that was before."""
    identities = ("\0".join(item.identity).encode("utf-8", "surrogatepass") for item in inputs)
    hashes = (hashlib.blake2b(each, digest_size=8).digest() for each in identities)
    keys = np.fromiter((int.from_bytes(digest) for digest in hashes), np.uint64)
    order = np.argsort(keys, kind="stable")
    firsts = np.flatnonzero(np.concatenate([[True], keys[order][1:] != keys[order][:-1]]))
    counts = np.diff(firsts, append=len(keys))
    found = keys.copy()
    nth = np.arange(len(keys)) - np.repeat(firsts, counts)
    found[order] += nth.astype(np.uint64) * ODD
    return found


def _named(changes: Iterable[str]) -> list[str]:
    """Return the first changes, and how many more there are."""
    named: list[str] = []
    more = 0
    for change in changes:
        if len(named) < NAMED:
            named.append(change)
        else:
            more += 1
    return [*named, f"and {more:,} more inputs"] if more else named
