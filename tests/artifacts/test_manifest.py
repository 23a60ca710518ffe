import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from lmkit.artifacts.input_lists import streamed_inputs
from lmkit.artifacts.input_lists.input_changes import input_changes
from lmkit.artifacts.manifest import (
    MANY_INPUTS,
    Counts,
    Details,
    Input,
    Manifest,
    Output,
    Plan,
    fingerprint,
    read,
)
from lmkit.errors import InputError, LmkitError


def plan(inputs: dict[str, str] | None = None, **config: Any) -> Plan:
    options = {"output": "out", "optim": {"lr": 0.1}, **config}
    found = tuple(
        Input(path=f"raw/{name}", source="raw", origin=name, bytes=1, sha256=(digest,))
        for name, digest in (inputs or {"a": "1", "b": "2"}).items()
    )
    return Plan(stage="toy", lmkit="1", config=options, inputs=found)


def same(index: int, before: Input, now: Input) -> bool:
    return before.sha256 == now.sha256


@pytest.mark.parametrize(
    ("now", "changes"),
    [
        (plan(), []),
        (plan(output="elsewhere"), []),
        (plan(optim={"lr": 0.2}), ["--optim.lr was 0.1, now 0.2"]),
        (plan(inputs={"b": "2", "a": "1"}), []),
        (plan(inputs={"a": "1", "b": "3"}), ["input raw/b has changed"]),
        (plan(inputs={"a": "1", "c": "3"}), ["input raw/c is new", "input raw/b is gone"]),
    ],
)
def test_a_change_names_the_option_or_input(now: Plan, changes: list[str]) -> None:
    inputs = input_changes(plan().inputs, now.inputs, same)
    found = [*now.option_changes(plan(), ["output"]).values(), *inputs]
    assert sorted(found) == sorted(changes)


def test_a_manifest_survives_a_round_trip_to_disk(tmp_path: Path) -> None:
    output = Output(name="a", bytes=5, sha256="1", counts={"documents": 1})
    made = Manifest(**dict(plan()), outputs=(output,), counts=Counts(), seconds=1)
    made.write(tmp_path / "manifest.json", tmp_path)
    assert read(Manifest, tmp_path / "manifest.json") == made
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_a_missing_record_is_none_and_a_broken_one_an_error(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    assert read(Manifest, path) is None
    path.write_text("{}")
    with pytest.raises(LmkitError, match="not a file that this version of lmkit wrote"):
        read(Manifest, path)


def test_a_fingerprint_covers_names_and_content_but_not_the_order() -> None:
    one = fingerprint([("a", "1"), ("b", "2")])
    assert one == fingerprint([("b", "2"), ("a", "1")])
    assert one != fingerprint([("a", "2"), ("b", "1")])


def test_counts_add_up_and_a_lost_document_is_detected() -> None:
    parts = [
        Counts(documents_in=3, documents_out=1, dropped={"b": 2}),
        Counts(documents_in=2, dropped={"a": 1}, quarantined=1, more={"x": 4}),
    ]
    total = Counts.total(parts)
    assert total.dropped == {"a": 1, "b": 2} and list(total.dropped) == ["a", "b"]
    total.check()
    with pytest.raises(LmkitError, match="bug"):
        Counts(documents_in=3, documents_out=1, dropped={"b": 1}).check()


def test_many_inputs_are_written_line_by_line_and_read_again(tmp_path: Path) -> None:
    inputs = [Input(path=f"{n}\udce9.txt", source="raw", bytes=n) for n in range(MANY_INPUTS)]
    plan = Plan(stage="clean", lmkit="0", config={}, inputs=tuple(inputs))
    plan.write(tmp_path / "plan.json", tmp_path)
    lines = (tmp_path / "plan.json").read_text().splitlines()
    assert len(lines) == MANY_INPUTS + 2
    assert read(Plan, tmp_path / "plan.json") == plan


def test_only_a_long_list_of_inputs_is_a_file_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed_inputs, "MOST_IN_A_MANIFEST", 2)
    path = tmp_path / "manifest.json"
    made = Manifest(**dict(plan()), outputs=(), counts=Counts(), seconds=1)
    assert made.write(path, tmp_path) == [path]
    assert isinstance(json.loads(path.read_text())["inputs"], list)

    longer = made.model_copy(update={"inputs": (*made.inputs, Input("c", "raw", 7, "c"))})
    listed, written = longer.write(path, tmp_path)
    assert written == path and {*tmp_path.iterdir()} == {listed, path}
    stored = json.loads(path.read_text())["inputs"]
    assert (stored["file"], stored["count"], stored["input_bytes"]) == (listed.name, 3, 9)
    assert stored["sha256"] == hashlib.sha256(listed.read_bytes()).hexdigest()
    found = read(Manifest, path)
    assert found is not None and [*found.inputs] == [*longer.inputs]
    assert found.fingerprint == longer.fingerprint and found.counts == longer.counts

    copy = tmp_path / "copy"
    copy.mkdir()
    found.write(copy / "manifest.json", copy)
    again = read(Manifest, copy / "manifest.json")
    assert again is not None and again == found and [*again.inputs] == [*longer.inputs]


def test_a_manifest_names_no_list_outside_of_its_folder(tmp_path: Path) -> None:
    made = json.loads(plan().model_dump_json())
    made["inputs"] = {"file": "../inputs-0123456789abcdef.jsonl.zst", "count": 1, "bytes": 1}
    made["inputs"] |= {"sha256": "0" * 64, "input_bytes": 1}
    (tmp_path / "plan.json").write_text(json.dumps(made))
    with pytest.raises(LmkitError, match="not a file that this version of lmkit wrote"):
        read(Plan, tmp_path / "plan.json")


class Loss(Details):
    loss: float
    tokens: int = 0


def test_details_are_recorded_as_they_were_set_with_what_has_no_field() -> None:
    made = {"stage": "eval", "lmkit": "0.1.0", "config": {}, "inputs": (), "outputs": ()}
    more = {"counts": Counts(), "seconds": 1, "details": {"loss": 2.5, "sources": {"web": 1}}}
    record = Loss.from_manifest(Manifest.model_validate(made | more), Path("out"))
    assert (record.loss, record.tokens) == (2.5, 0)
    assert record.recorded() == more["details"]
    other = Manifest.model_validate(made | more | {"details": {"loss": "low"}})
    with pytest.raises(InputError, match=r"out/manifest\.json: damaged"):
        Loss.from_manifest(other, Path("out"))


def test_a_python_shell_shows_a_manifest_in_a_few_escaped_lines() -> None:
    counts = Counts(
        documents_in=1200,
        documents_out=1000,
        dropped={f"rule_{number}": number for number in range(1, 20)} | {"<b>": 10},
        quarantined=0,
        more={"bytes_<i>": 5},
    )
    inputs = {f"input-{number}": "x" for number in range(500)}
    made = Manifest(
        **dict(plan(inputs, output="work/<out>")), outputs=(), counts=counts, seconds=61.25
    )
    lines = repr(made).splitlines()
    assert lines[0].endswith(": work/<out>>") and len(lines) == 5
    assert "1,000 of 1,200 kept" in lines[1] and "19 rule_19" in lines[2] and "61.2" in lines[4]
    assert str(made) == repr(made) and len(repr(made)) < 400
    html = made._repr_html_()
    assert "work/&lt;out&gt;" in html and "bytes &lt;i&gt;" in html and len(html) < 800


@pytest.mark.parametrize("name", ["../up", "a/../../up", "/etc/passwd", "", "a\0b"])
def test_a_file_outside_of_the_folder_is_no_output(name: str) -> None:
    with pytest.raises(ValueError, match="not in the folder"):
        Output(name=name, bytes=1, sha256="a")
    with pytest.raises(ValueError, match="surrogates not allowed"):
        Output(name="\ud800", bytes=1, sha256="a")
    assert Output(name="train/rows/starts.npy", bytes=1, sha256="a").name.startswith("train")
