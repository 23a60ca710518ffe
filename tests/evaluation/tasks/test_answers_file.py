import json
from pathlib import Path
from typing import Any

import pytest
import zstandard

from lmkit.artifacts.tasks import TaskWriter
from lmkit.errors import LmkitError
from lmkit.evaluation.tasks.answers_file import read_answers, scores_in, write_answers
from lmkit.evaluation.tasks.options import TaskOptions
from lmkit.evaluation.tasks.task_file import read_task_files
from lmkit.evaluation.tasks.task_scorer import TaskScorer
from lmkit.evaluation.tasks.token_spans import RequestEncoder
from tests.conftest import records
from tests.evaluation.tasks.words import Bigrams, encode

TABLE = {("<s>", " cats"): 0.5, ("<s>", " dogs"): 0.25, ("Q:", " cats"): 0.5}


def test_answers_are_written_an_item_a_line_and_scores_to_the_receipt(here: Path) -> None:
    lines = [
        {"sentence_good": "cats", "sentence_bad": "dogs"},
        {"sentence_good": "dogs", "sentence_bad": "cats"},
    ]
    Path("t.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (task,) = read_task_files(TaskOptions(task=(Path("t.jsonl"),)), 10_000).tasks
    scorer = TaskScorer(RequestEncoder(encode, 0, 0, 10), Bigrams(TABLE))
    Path("out/.partial").mkdir(parents=True)
    writer = TaskWriter(Path("out"), "answers", 7)
    write_answers(task, list(scorer.answers(task)), scorer.method, writer)
    receipt = writer.finish()

    assert [output.name for output in receipt.outputs] == ["answers-00007.jsonl.zst"]
    one, two = records(Path("out"), "answers")
    assert one["right"] and not two["right"]
    assert (two["line"], two["chosen"], two["gold"]) == (2, 1, 0)
    assert (two["contexts"], two["continuations"]) == ([""], ["dogs", "cats"])
    assert two["tokens"] == [1, 1] and two["greedy"] == [False, True]
    name, scores = scores_in(receipt.facts)
    assert (name, scores.scores["acc"].value, scores.items) == ("t", 0.5, 2)
    assert [read.input for read in receipt.read] == [0]
    assert [each.right for each in read_answers(Path("out/answers-00007.jsonl.zst"), 2)] == [1, 0]


@pytest.mark.parametrize(
    "forged",
    [{"right": "False"}, {"right": None}, {"line": 1.5}, {"contexts": "a"}, {"continuations": [1]}],
)
def test_an_answer_that_is_none_is_one_error(here: Path, forged: dict[str, Any]) -> None:
    answer = {"line": 1, "contexts": ["a"], "continuations": ["b"], "right": True}
    lines = "\n".join(map(json.dumps, (answer, answer | forged)))
    Path("answers-00000.jsonl.zst").write_bytes(zstandard.compress(lines.encode()))
    with pytest.raises(LmkitError, match="line 2 is no answer of lmkit eval"):
        read_answers(Path("answers-00000.jsonl.zst"), 2)
