from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lmkit.artifacts.document import Document, Outcome, Rejected, Unreadable
from lmkit.artifacts.tasks import TaskWriter
from lmkit.commands.clean.options import CleanConfig
from lmkit.commands.clean.steps import DropGenerated, Steps

GOOD = "A perfectly good sentence about cats; write to jo@example.com."


def run(folder: Path, outcomes: Iterable[Outcome], **options: Any) -> tuple[list[Outcome], Any]:
    config = CleanConfig.model_validate({"output": folder, **options})
    (folder / ".partial").mkdir(exist_ok=True)
    writer = TaskWriter(folder, "documents", 0)
    with Steps(config, writer) as steps:
        found = [*steps.outcomes(outcomes)]
    return found, writer


def test_what_was_not_read_and_what_was_rejected_pass_through_all_steps(tmp_path: Path) -> None:
    before: list[Outcome] = [
        Unreadable("s", "a", 0, 0, "damaged"),
        Rejected(Document("r", "x", "s"), "earlier"),
    ]
    after, writer = run(tmp_path, before, pii={"action": "drop"}, read={"generated": False})
    assert after == before
    assert writer.facts["ledger"]["tallies"]["source"] == [["s", {"quarantined": 1, "earlier": 1}]]


def test_a_text_is_normalized_before_pii_and_both_before_the_rules(tmp_path: Path) -> None:
    text = GOOD.replace("@", "\uff20").replace("cats", "cats\x00")
    options = {"normalize": {"unicode": "nfkc"}, "pii": {"action": "tag"}}
    (found,), writer = run(tmp_path, [Document("a", text, "s")], **options)
    assert isinstance(found, Document)
    assert found.text.endswith("write to [EMAIL].")
    assert writer.counts.more["private_email"] == 1


def test_a_document_with_pii_is_dropped_before_it_is_judged(tmp_path: Path) -> None:
    documents = [Document("a", "jo@example.com", "s")]
    (found,), _ = run(tmp_path, documents, pii={"action": "drop"})
    assert isinstance(found, Rejected)
    assert (found.reason, found.decided) == ("private_data", "private_data 1 email")


def test_code_of_programs_is_dropped_only_on_request(tmp_path: Path) -> None:
    document = Document("a", GOOD, "s", {"generated": True})
    (kept,), _ = run(tmp_path, [document])
    (dropped,), _ = run(tmp_path, [document], read={"generated": False})
    assert isinstance(kept, Document)
    assert isinstance(dropped, Rejected)
    assert dropped.reason == "generated"


def test_steps_stream(tmp_path: Path) -> None:
    taken = 0

    def endless() -> Iterator[Outcome]:
        nonlocal taken
        while True:
            taken += 1
            yield Document(str(taken), GOOD, "s", {"generated": True})

    config = CleanConfig.model_validate({"output": tmp_path})
    step = DropGenerated(config)
    assert isinstance(next(step.outcomes(endless())), Rejected)
    assert taken == 1


def test_a_stated_language_becomes_one_code_and_is_kept_beside(tmp_path: Path) -> None:
    stated = ["English", "en-US", "eng", "en_gb", "en", "unheard of", None]
    documents: list[Outcome] = [
        Document(str(n), GOOD, "s", {"language": each} if each else {})
        for n, each in enumerate(stated)
    ]
    found, writer = run(tmp_path, documents)
    metadata = [each.metadata for each in found if isinstance(each, Document)]
    assert [each.get("language") for each in metadata] == ["en"] * 5 + ["unheard of", None]
    assert [each.get("stated_language") for each in metadata] == [*stated[:4], None, None, None]
    tally = dict(writer.facts["ledger"]["tallies"]["language"])
    assert tally["en"] == {"out": 5}
