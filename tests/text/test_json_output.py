import json
import math
from types import SimpleNamespace

import orjson
import pytest

from lmkit.text.json_output import json_text


def test_objects_are_what_they_return_for_json() -> None:
    inner = SimpleNamespace(to_json=lambda: {"b": (1, 2)})
    assert json.loads(json_text([{"a": inner}])) == [{"a": {"b": [1, 2]}}]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_null(number: float) -> None:
    assert json_text({"loss": number}) == '{"loss": null}'


def test_lone_surrogates_and_control_characters_are_read_by_every_parser() -> None:
    text = json_text({"caf\udce9": "\x1b[2J\x9b\u202e\x7f\n\ud800"})
    assert text.isascii() and text.isprintable()
    assert orjson.loads(text) == {"caf\ufffd": "\x1b[2J\x9b\u202e\x7f\n\ufffd"}
