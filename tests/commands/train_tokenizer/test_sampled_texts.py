import json
from pathlib import Path

from lmkit.artifacts.inputs import find_documents
from lmkit.artifacts.manifest import Counts
from lmkit.artifacts.tasks import TaskWriter
from lmkit.commands.train_tokenizer.options import TrainTokenizerConfig
from lmkit.commands.train_tokenizer.sampled_texts import DrawSample, SampledTexts
from tests.conftest import records

EVERYTHING = {"web": 1 << 64}
NOTHING = {"web": 0}


def drawn(training: dict[str, int], report: dict[str, int]) -> tuple[SampledTexts, Counts]:
    """Return the texts that two tasks draw, and what they count."""
    texts = [["one", "", 3, "two words"], ["b\ud800", "three\n\x00"]]
    config = TrainTokenizerConfig(inputs=(Path(),), output=Path("out"), source="web")
    Path("out/.partial").mkdir(parents=True)
    counts: list[Counts] = []
    for number, values in enumerate(texts):
        path = Path(f"{number}.jsonl")
        path.write_text("".join(json.dumps({"text": value}) + "\n" for value in values))
        slices = find_documents([path], formats=("jsonl",), source="web").slices
        writer = TaskWriter(Path("out"), "train", number)
        DrawSample(config, training, report)(slices, writer)
        counts.append(writer.finish().counts)
    return SampledTexts(Path("out/.partial"), len(texts)), Counts.total(counts)


def test_every_iteration_reads_the_texts_of_all_tasks_again(here: Path) -> None:
    texts, counts = drawn(EVERYTHING, NOTHING)
    assert [*texts] == [*texts] == ["one", "two words", "b\ud800", "three\n\x00"]
    assert (counts.documents_in, counts.documents_out, counts.quarantined) == (6, 4, 1)
    assert counts.dropped == {"empty": 1}
    assert counts.more == {"bytes_of_text": 3 + 9 + 2 + 7}
    assert not texts.reported()
    assert [record["reason"] for record in records(Path("out"), "quarantine")]


def test_the_report_has_its_own_sample(here: Path) -> None:
    texts, counts = drawn(NOTHING, EVERYTHING)
    assert [*texts] == []
    assert texts.reported() == {"web": ["one", "two words", "b\ud800", "three\n\x00"]}
    assert counts.dropped == {"empty": 1, "not_drawn": 4}
