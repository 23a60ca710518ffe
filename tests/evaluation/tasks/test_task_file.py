import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from lmkit.errors import InputError
from lmkit.evaluation.tasks.item import Request
from lmkit.evaluation.tasks.options import TaskOptions
from lmkit.evaluation.tasks.task_file import Task, TaskFiles, read_task_files

PAIR = {"sentence_good": "A b.", "sentence_bad": "B a."}
CHOICE = {"query": "Q", "choices": ["a", "b", "c", "d"], "gold": 1}


def write(path: str, records: list[Any]) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(f"{json.dumps(record)}\n" for record in records).encode()
    file.write_bytes(gzip.compress(data) if path.endswith(".gz") else data)
    return file


def read(*paths: str | Path, **options: Any) -> TaskFiles:
    typed = TaskOptions(task=tuple(map(Path, paths)), **options)
    return read_task_files(typed, max_record=1_000_000)


def names(*paths: str | Path) -> list[str]:
    return [task.name for task in read(*paths).tasks]


def only(*paths: str | Path, **options: Any) -> Task:
    (task,) = read(*paths, **options).tasks
    return task


def test_a_folder_gives_a_task_for_each_file_named_by_its_path(here: Path) -> None:
    write("eval/blimp/island.jsonl.gz", [PAIR])
    write("eval/arc.jsonl", [CHOICE])
    Path("eval/README.txt").write_text("no task")
    assert names("eval") == ["eval/arc", "eval/blimp/island"]
    assert names("eval/arc.jsonl") == ["arc"]
    assert names("eval/*/*.gz") == ["island"]


def test_an_item_has_the_number_of_its_line_and_empty_lines_are_skipped(here: Path) -> None:
    Path("t.jsonl").write_text(f"\n{json.dumps(PAIR)}\n \n{json.dumps(PAIR)}\n")
    assert [item.line for item in only("t.jsonl").items] == [2, 4]


def test_a_limit_keeps_the_first_items_and_all_examples(here: Path) -> None:
    write("t.jsonl", [CHOICE | {"query": str(n)} for n in range(5)])
    whole, task = only("t.jsonl", shots=2), only("t.jsonl", shots=2, limit=2)
    assert len(task.items) == 2
    assert [*task.requests()] == [*whole.requests()][:2]


def test_settings_next_to_a_task_are_used_and_recorded_as_an_input(here: Path) -> None:
    write("t.jsonl", [{"q": "Why", "first": "a", "second": "b", "right": "B"}])
    settings = 'context = "{q}?"\nchoices = ["{first}", "{second}"]\ngold = "right"\n'
    Path("t.toml").write_text(f"{settings}random_baseline = 0.4\n")
    found = read("t.jsonl")
    (task,) = found.tasks
    assert (task.kind.name, task.items[0].contexts, task.items[0].gold) == ("choice", ("Why?",), 1)
    assert task.chance == 0.4
    assert [Path(record.path).name for record in found.inputs.records] == ["t.jsonl", "t.toml"]


def test_examples_may_come_from_a_file_of_their_own(here: Path) -> None:
    write("t.jsonl", [CHOICE])
    write("dev.jsonl", [CHOICE | {"query": f"dev {n}"} for n in range(3)])
    Path("t.toml").write_text('examples = "dev.jsonl"\nsampler = "first"\nshots = 2')
    ((request, *_),) = only("t.jsonl").requests()
    assert request.context == "dev 0 b\n\ndev 1 b\n\nQ"


def test_chance_is_the_mean_over_items_with_different_numbers_of_choices(here: Path) -> None:
    write("t.jsonl", [CHOICE, CHOICE | {"choices": ["a", "b"]}])
    assert only("t.jsonl").chance == 0.375


def test_a_whole_text_is_read_as_it_is(here: Path) -> None:
    write("t.jsonl", [{"text": "Question: why?\n"}])
    assert [*only("t.jsonl", shots=3).requests()] == [(Request("", "Question: why?\n"),)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "t.jsonl: holds no items"),
        ("\n\n", "t.jsonl: holds no items"),
        ("{", "t.jsonl: line 1: "),
        ("[1]", "t.jsonl: line 1: not a JSON object"),
        ('{"a": 1}', "t.jsonl: line 1: holds a, must have the fields of a kind of task"),
        (
            f'{json.dumps(PAIR)}\n{{"text": "x"}}',
            "t.jsonl: line 2: not a pair, as the lines before it: must have sentence_good",
        ),
        (json.dumps(CHOICE | {"gold": 4}), "t.jsonl: line 1: gold: got 4, must be from 0 to 3"),
        (json.dumps(CHOICE | {"choices": ["a"]}), "line 1: choices: got 1, must be at least 2"),
        (json.dumps(CHOICE | {"query": None}), "line 1: has no query"),
        ('{"text": "' + "x" * 1_000_001 + '"}', "line 1: is longer than --max-record 1,000,000"),
    ],
)
def test_a_damaged_task_is_a_one_line_error(here: Path, content: str, message: str) -> None:
    Path("t.jsonl").write_text(content)
    with pytest.raises(InputError) as error:
        read("t.jsonl")
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_damaged_archive_is_an_error(here: Path) -> None:
    file = write("t.jsonl.gz", [PAIR] * 1000)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"t\.jsonl\.gz: after line \d+: "):
        read("t.jsonl.gz")


def test_what_names_no_task_is_an_error(here: Path) -> None:
    Path("empty").mkdir()
    write("a/t.jsonl", [PAIR])
    write("b/t.jsonl", [PAIR])
    write("u.jsonl", [PAIR])
    Path("u.toml").write_text('kind = "pairs"')
    for typed, message in (
        (["nothing.jsonl"], "no such file or folder"),
        (["empty"], "no files to read"),
        (["x*.jsonl"], "no file matches"),
        (["a/t.jsonl", "b/t.jsonl"], "another task has the name t"),
        (["u.jsonl"], "kind: must be one of pair, choice, schema, completion, text"),
    ):
        with pytest.raises(InputError, match=message):
            read(*typed)


def test_the_tasks_of_the_corpora_are_read(corpora: Path) -> None:
    found = {task.name: task for task in read(corpora / "eval").tasks}
    kinds = {name: found[f"eval/{name}"].kind.name for name in ("arc_easy", "lambada_openai")}
    assert len(found) == 37 and kinds == {"arc_easy": "choice", "lambada_openai": "completion"}
    assert len(found["eval/commonsense_qa"].items) == 1221
    ((request, *_), *_) = found["eval/arc_easy"].requests()
    assert request.context.endswith("?\nAnswer:") and request.continuation.startswith(" Sun")
