from pathlib import Path

import pytest

from lmkit.artifacts.document import Document
from lmkit.filters.judge import Judge
from lmkit.filters.options import FiltersConfig


def test_the_lists_are_read_in_the_order_of_their_options() -> None:
    url = {"domains": "bad.txt", "words": "worse.txt"}
    assert FiltersConfig.model_validate({"rules": "url", "url": url}).list_files() == [
        ("--filters.url.domains", Path("bad.txt")),
        ("--filters.url.words", Path("worse.txt")),
    ]


def test_a_rule_without_lists_and_lists_without_the_rule_are_refused() -> None:
    with pytest.raises(ValueError, match=r"got url, must have --filters\.url"):
        FiltersConfig.model_validate({"rules": "url"})
    with pytest.raises(ValueError, match=r"add url to --filters\.rules"):
        FiltersConfig.model_validate({"url": {"words": "a.txt"}})


def test_pages_of_listed_domains_are_dropped_whatever_their_text(tmp_path: Path) -> None:
    (tmp_path / "domains.txt").write_text("bad.example\n")
    url = {"domains": str(tmp_path / "domains.txt")}
    judge = Judge(FiltersConfig.model_validate({"preset": "none", "rules": "url", "url": url}))
    pages = [
        Document(name, "A good text.", "s", {"url": f"https://{name}/"})
        for name in ("www.bad.example", "good.example")
    ]
    _, judged = judge.judge_documents(pages)
    assert [one.reason for one in judged.verdicts] == ["url.listed_domains", None]
