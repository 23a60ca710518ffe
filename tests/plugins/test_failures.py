from collections.abc import Sequence

import pytest

from lmkit.artifacts.document import Document
from lmkit.errors import PluginError
from lmkit.filters.options import FiltersConfig
from lmkit.filters.rule_set import RuleSet, Signals
from lmkit.plugins.failures import guarded, transformed

GOOD = Document("a", "good", "s", {"origin": "a.txt", "offset": 7})
BAD = Document("b", "bad", "s", {"origin": "b.txt", "offset": 9})


def fail(document: Document) -> Document:
    raise ValueError("boom")


def test_a_transform_that_fails_names_itself_and_the_document() -> None:
    with pytest.raises(PluginError) as caught:
        transformed(fail, BAD, [], "lab", "upper")
    assert caught.value.message == (
        "plugin lab: transform upper failed on document b (s: b.txt, at byte 9): ValueError: boom"
    )
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_transform_must_return_a_document() -> None:
    assert transformed(lambda _: None, GOOD, [], "lab", "none") is None
    with pytest.raises(PluginError, match="returned str, must return a Document or None"):
        transformed(lambda _: "text", GOOD, [], "lab", "text")


class Rules(RuleSet):
    names = ("picky",)

    def of_texts(self, texts: Sequence[str]) -> Signals:
        if "bad" in texts:
            raise ValueError("cannot judge")
        return {"picky": [0] * len(texts)}

    def of_documents(self, documents: Sequence[Document]) -> Signals:
        if any("fatal" in document.metadata for document in documents):
            raise KeyError("fatal")
        return {}


def test_a_rule_set_that_fails_names_the_document_of_the_batch() -> None:
    rules = guarded(Rules, "lab")(FiltersConfig())
    rules.of_documents([GOOD, BAD, GOOD])
    with pytest.raises(PluginError, match=r"rule set picky failed on document b \(s: b.txt"):
        rules.of_texts(["good", "bad", "good"])
    with pytest.raises(PluginError, match="failed on document c: KeyError"):
        rules.of_documents([GOOD, Document("c", "x", "s", {"fatal": 1})])


def test_a_rule_set_that_fails_only_on_a_batch_says_so() -> None:
    class Greedy(Rules):
        def of_texts(self, texts: Sequence[str]) -> Signals:
            return {"picky": 1 / (2 - len(texts))}

    rules = guarded(Greedy, "lab")(FiltersConfig())
    rules.of_documents([GOOD, BAD])
    with pytest.raises(PluginError, match="failed on 2 documents at once: ZeroDivisionError"):
        rules.of_texts(["good", "bad"])


def test_running_out_of_memory_is_no_fault_of_the_plugin() -> None:
    def hungry(_: Document) -> Document:
        raise MemoryError

    with pytest.raises(MemoryError):
        transformed(hungry, GOOD, [], "lab", "hungry")
