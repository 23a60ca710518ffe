"""What dedup has found, as sections to show: after a run, and later from its manifest.

Choice: it reads no more than the manifest holds, and needs no numpy.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

Sections = dict[str, Any]
SHOWN_PAIRS = 10
SHOWN_SIZES = 10


def described(details: Mapping[str, Any]) -> Sections:
    """Return sections of tables.

    >>> described({"clusters": {"2": 5, "11": 1}})["clusters"]
    [{'documents': 2, 'clusters': 5}, {'documents': 11, 'clusters': 1}]
    """
    sizes = [
        {"documents": int(size), "clusters": count} for size, count in details["clusters"].items()
    ]
    pairs = listed(details.get("duplicates", []), SHOWN_PAIRS)
    return {
        "clusters": sizes[:SHOWN_SIZES],
        "largest_clusters": details.get("largest_clusters", []),
        "duplicates": [{key: pair[key] for key in pair if key != "more"} for pair in pairs],
        "nearly_the_same": details.get("examples", []),
    }


def listed(rows: Sequence[Mapping[str, Any]], most: int) -> list[dict[str, Any]]:
    """Return the first rows, and one that adds up the others; `more` says how many these are.

    >>> listed([{"source": name, "in": 2} for name in "abc"], 1)
    [{'source': 'a', 'in': 2}, {'source': 'and 2 more', 'in': 4, 'more': 2}]
    """
    first, rest = [dict(row) for row in rows[:most]], rows[most:]
    if not rest:
        return first
    more = sum(row.get("more", 1) for row in rest)
    added: dict[str, Any] = {}
    for name, value in rest[0].items():
        values: list[Any] = [row[name] for row in rest]
        if isinstance(value, Mapping):
            total: Counter[str] = Counter()
            for counts in values:
                total.update(counts)
            added[name] = dict(sorted(total.items()))
        elif isinstance(value, int):
            added[name] = sum(values)
        else:
            added[name] = "" if added else f"and {more:,} more"
    return [*first, added | {"more": more}]
