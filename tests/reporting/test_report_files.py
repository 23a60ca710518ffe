import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lmkit.commands.report.run import options_of
from lmkit.reporting.lineage import find_lineage
from lmkit.reporting.report_files import report_files
from tests.reporting.browser import Browser, browser, find_browser
from tests.reporting.folders import HOSTILE, data_of, write_folder, write_run


def files_of(*folders: Path) -> dict[str, str]:
    return report_files(find_lineage(folders, Path("nowhere")), options_of)


@pytest.fixture(scope="module")
def page(pipeline: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(files_of(pipeline / "work")["report.html"])
    return path


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if find_browser() is None:
        pytest.skip("needs a browser: chromium or google-chrome")
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def test_a_pipeline_has_a_page_and_cards(pipeline: Path) -> None:
    files = files_of(pipeline / "work")
    assert set(files) == {"report.html", "dataset_card.md", "model_card.md"}
    for title in ("How it was made", "Documents", "Filter signals", "Duplicates", "Tokenizer"):
        assert f"<h2>{title}" in files["report.html"]
    for title in ("Packing", "Training", "Scores", "Samples", "Options", "Problems"):
        assert f"<h2>{title}" in files["report.html"]


def test_the_same_folders_give_the_same_bytes(pipeline: Path) -> None:
    assert files_of(pipeline / "work") == files_of(pipeline / "work")


def test_hostile_texts_are_text_everywhere(pipeline: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "a<img src=x onerror=alert(1)>", [3, 2, 1])
    write_folder(tmp_path / "clean", "clean", {"source": HOSTILE}, dropped={HOSTILE: 1})
    for top in (pipeline / "work", tmp_path):
        text = files_of(top)["report.html"]
        assert (
            "alert(1)</script" not in text
            and "<img" not in text
            and "onerror=" not in re.sub(r"&lt;img[^&]*&gt;|\\u003c.*?\\u003e", "", text)
        )
        assert not set(text) & {"\x1b", "\u202e", "\x07"}
        assert text.count("</script>") == text.count("<script") and "<b>b" not in text


def test_a_folder_alone_is_shown_and_several_runs_have_a_card_each(tmp_path: Path) -> None:
    write_folder(tmp_path / "clean", "clean", finished=False)
    assert set(files_of(tmp_path)) == {"report.html"}
    for name in "ab":
        write_run(tmp_path / name, [3, 2], finished=name == "a")
    assert set(files_of(tmp_path)) == {"report.html", "model_card-1.md", "model_card-2.md"}
    assert len(data_of(tmp_path).runs) == 2


def test_a_browser_draws_every_plot_without_an_error_or_a_request(page: Path, tab: Browser) -> None:
    for width in (1400, 400):
        for dark in (False, True):
            tab.look(width, 900, dark=dark)
            tab.open(page)
            plots = tab.evaluate("document.querySelectorAll('figure.plot').length")
            assert plots >= 5
            assert tab.evaluate("document.querySelectorAll('[data-drawn]').length") == plots
            assert tab.errors == [] and tab.requests == [page.resolve().as_uri()]
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            blank = "[...document.querySelectorAll('canvas')].filter(c => !c.getContext('2d')"
            blank += ".getImageData(0, 0, c.width, c.height).data.some(n => n)).length"
            assert tab.evaluate(blank) == 0


def test_a_curve_answers_mouse_keys_and_legend(page: Path, tab: Browser) -> None:
    tab.look(1400, 900)
    tab.open(page)
    tab.evaluate("document.querySelector('canvas').scrollIntoView({block: 'center'})")
    box = tab.evaluate(
        "(r => [r.x, r.y, r.width, r.height])"
        "(document.querySelector('canvas').getBoundingClientRect())"
    )
    x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
    tab.mouse("mouseMoved", x, y)
    tip = "document.querySelector('.tip')"
    assert "run" in tab.evaluate(f"{tip}.textContent") and not tab.evaluate(f"{tip}.hidden")
    tab.mouse("mousePressed", x, y, button="left", clickCount=1)
    tab.mouse("mouseMoved", x + 150, y, button="left", buttons=1)
    tab.mouse("mouseReleased", x + 150, y, button="left", clickCount=1)
    reset = "[...document.querySelectorAll('button')].find(b => b.textContent === 'show all')"
    assert not tab.evaluate(f"{reset}.hidden")
    tab.evaluate("document.querySelector('canvas').focus()")
    tab.press("Escape")
    assert tab.evaluate(f"{reset}.hidden")
    tab.press("ArrowRight")
    assert not tab.evaluate(f"{tip}.hidden")
    tab.evaluate("document.querySelector('.legend button').click()")
    assert tab.evaluate("document.querySelector('figure.plot').dataset.drawn") == "0"
    assert tab.evaluate("document.querySelector('.legend button').ariaPressed") == "false"
    change = "e.dispatchEvent(new Event('{}'))"
    for choose, event in (("select", "change"), ("input[type=range]", "input")):
        value = "'hours'" if choose == "select" else "'0.9'"
        script = f"(e => {{ e.value = {value}; {change.format(event)} }})"
        tab.evaluate(f"{script}(document.querySelector('.controls {choose}'))")
    assert tab.errors == []


def test_print_and_no_script_show_still_pictures(page: Path, tab: Browser) -> None:
    tab.look(1400, 900, media="print")
    tab.open(page)
    still = "getComputedStyle(document.querySelector('.still')).display"
    canvas = "getComputedStyle(document.querySelector('canvas')).display"
    assert (tab.evaluate(still), tab.evaluate(canvas)) == ("block", "none")
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    tab.look(1400, 900)
    tab.open(page)
    tab.call("Emulation.setScriptExecutionDisabled", value=False)
    assert tab.evaluate("document.querySelectorAll('canvas').length") == 0
    assert tab.evaluate(still) != "none" and tab.errors == []
