import json
import re
from base64 import b64decode

import numpy as np

from lmkit.reporting.plots import Plot, Series, clocks, figure, json_block
from lmkit.reporting.run_metrics import Curve, RunMetrics
from tests.reporting.folders import HOSTILE

CURVE = Curve(np.arange(1.0, 5_001), np.linspace(9, 2, 5_000))


def content(markup: str) -> dict:
    (text,) = re.findall(r'<script type="application/json">(.*?)</script>', markup)
    return json.loads(text)


def test_a_figure_holds_thinned_numbers_as_float32() -> None:
    data = content(figure(Plot("Loss", "", (Series("run", CURVE, 1),), is_log=True)))
    (series,) = data["series"]
    steps, values = (np.frombuffer(b64decode(series[key]), "<f4") for key in "xy")
    assert len(steps) == len(values) <= 2_000 and (steps[0], steps[-1]) == (1, 5_000)
    assert values[-1] == 2 and (series["color"], data["log"]) == (1, True)


def test_the_name_of_a_run_cannot_end_the_element_that_holds_it() -> None:
    found = figure(Plot(HOSTILE, HOSTILE, (Series(HOSTILE, CURVE),)))
    assert found.count("<script") == found.count("</script>") == 1
    assert content(found)["series"][0]["name"].startswith("</script><script>alert(1)")


def test_json_in_a_page_holds_no_markup() -> None:
    assert not set(json_block({"a": "<&>"})[len('<script type="application/json">') : -9]) & set(
        "<>&"
    )


def test_more_runs_than_colors_differ_in_their_dashes() -> None:
    classes = {Series("run", CURVE, number).class_ for number in range(20)}
    assert len(classes) == 20


def test_a_clock_holds_the_ends_of_a_run() -> None:
    steps = np.arange(1.0, 1_001)
    found = clocks([RunMetrics({}, steps, steps * 10, steps / 3), RunMetrics({}, *[steps[:0]] * 3)])
    (text,) = re.findall(r">(.*?)</script>", found)
    first, empty = json.loads(text)
    tokens = np.frombuffer(b64decode(first["tokens"]), "<f4")
    assert (tokens[0], tokens[-1], len(tokens)) == (10, 10_000, 400) and empty["step"] == ""


def test_the_label_says_where_each_curve_begins_and_ends() -> None:
    assert Plot("Loss", "", (Series("a", CURVE),)).summary == "Loss by step: a from 9 to 2"
