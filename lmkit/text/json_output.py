"""Results as JSON that every parser takes.

What was typed may hold bytes that aren't UTF-8, and an average over nothing is no number.
"""

import json
import math
from collections.abc import Sequence
from typing import Any, cast

from lmkit.text.surrogates import well_formed


def json_text(result: Any) -> str:
    r"""Return a result, or what its `to_json` returns, on one line.

    >>> json_text({"loss": math.nan, "text": "caf\udce9"})
    '{"loss": null, "text": "caf\\ufffd"}'
    """
    return json.dumps(_plain(result), allow_nan=False)


def _plain(result: Any) -> Any:
    if hasattr(result, "to_json"):
        result = result.to_json()
    if isinstance(result, dict):
        values = cast(dict[Any, Any], result)
        return {well_formed(str(key)): _plain(value) for key, value in values.items()}
    if isinstance(result, list | tuple):
        return [_plain(item) for item in cast(Sequence[Any], result)]
    if isinstance(result, str):
        return well_formed(result)
    return None if isinstance(result, float) and not math.isfinite(result) else result
