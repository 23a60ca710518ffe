"""What dedup has found, as sections to print: after a run, and later from its manifest.

Choice: it reads no more than the manifest holds, and needs no numpy.
"""

from collections.abc import Mapping
from typing import Any

from lmkit.execution.tables import limited_rows

Sections = dict[str, Any]
SHOWN_PAIRS = 10
SHOWN_SIZES = 10


def summary_sections(details: Mapping[str, Any]) -> Sections:
    """Return sections of tables.

    >>> summary_sections({"clusters": {"2": 5, "11": 1}})["clusters"]
    [{'documents': 2, 'clusters': 5}, {'documents': 11, 'clusters': 1}]
    """
    sizes = [
        {"documents": int(size), "clusters": count} for size, count in details["clusters"].items()
    ]
    pairs = limited_rows(details.get("duplicates", []), SHOWN_PAIRS)
    return {
        "clusters": sizes[:SHOWN_SIZES],
        "largest_clusters": details.get("largest_clusters", []),
        "duplicates": [{key: pair[key] for key in pair if key != "more"} for pair in pairs],
        "nearly_the_same": details.get("examples", []),
    }
