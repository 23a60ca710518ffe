from collections.abc import Mapping

from lmkit.execution.short_view import ShortView


class View(ShortView):
    def short_view(self) -> tuple[str, Mapping[str, str]]:
        return "lmkit clean: <b>\x1b[31m", {"docs & <i>": "1 \u202e of 2", "seconds": "0.1"}


def test_a_result_is_a_title_and_its_facts() -> None:
    lines = repr(View()).splitlines()
    assert lines[0] == "<lmkit clean: <b>\\x1b[31m>"
    assert [line.split() for line in lines[1:]] == [
        ["docs", "&", "<i>", "1", "\\u202e", "of", "2"],
        ["seconds", "0.1"],
    ]
    assert str(View()) == repr(View())


def test_in_a_notebook_everything_is_escaped() -> None:
    html = View()._repr_html_()
    assert "<caption>lmkit clean: &lt;b&gt;\\x1b[31m</caption>" in html
    assert "<th>docs &amp; &lt;i&gt;</th><td>1 \\u202e of 2</td>" in html
    assert "<b>" not in html and "<i>" not in html
