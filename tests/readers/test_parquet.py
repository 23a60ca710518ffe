import datetime
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lmkit.artifacts import inputs as inputs_module
from tests.readers.reading import documents, outcomes, texts_and_reasons


def table(count: int) -> pa.Table:
    day = datetime.date(2020, 1, 2)
    rows = [
        {"text": f"text {n}", "when": day, "picture": b"\xff", "deep": {"a": [n]}}
        for n in range(count)
    ]
    return pa.Table.from_pylist(rows)


def test_rows_of_parquet_keep_what_json_can_hold(tmp_path: Path) -> None:
    pq.write_table(table(700), tmp_path / "a.parquet", row_group_size=300)
    found = documents(tmp_path / "a.parquet")
    assert [document.text for document in found] == [f"text {n}" for n in range(700)]
    metadata = found[301].metadata
    assert (metadata["when"], metadata["deep"], metadata["record"]) == (
        "2020-01-02",
        {"a": [301]},
        1,
    )
    assert "picture" not in metadata
    assert len({document.id for document in found}) == 700


def test_row_groups_are_divided_between_tasks_and_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pq.write_table(table(3_000), tmp_path / "a.parquet", row_group_size=100)
    whole = documents(tmp_path / "a.parquet")
    monkeypatch.setattr(inputs_module, "RANGE_BYTES", 10_000)
    assert (tmp_path / "a.parquet").stat().st_size > 50_000
    assert documents(tmp_path / "a.parquet", shard_bytes=10_000) == whole


def test_a_saved_dataset_is_a_folder_to_read(tmp_path: Path) -> None:
    texts = ["a", "b", "c"]
    datasets.Dataset.from_dict({"text": texts}).save_to_disk(str(tmp_path / "saved"))
    assert [document.text for document in documents(tmp_path / "saved")] == texts


def test_caches_of_datasets_in_a_saved_folder_are_not_documents(
    tmp_path: Path,
) -> None:
    saved = str(tmp_path / "saved")
    datasets.Dataset.from_dict({"text": ["a", "b"]}).save_to_disk(saved)
    datasets.load_from_disk(saved).map(lambda row: {"text": row["text"] * 2})
    assert list((tmp_path / "saved").glob("cache-*.arrow"))
    assert [document.text for document in documents(tmp_path / "saved")] == ["a", "b"]


def test_all_splits_of_a_saved_data_set_are_read(tmp_path: Path) -> None:
    splits = {name: datasets.Dataset.from_dict({"text": [name]}) for name in ("test", "train")}
    datasets.DatasetDict(splits).save_to_disk(str(tmp_path / "saved"))
    found = documents(tmp_path / "saved")
    assert [document.text for document in found] == ["test", "train"]
    assert found[0].metadata["origin"] == "test/data-00000-of-00001.arrow"


@pytest.mark.parametrize("kind", [pa.ipc.new_file, pa.ipc.new_stream])
def test_both_forms_of_arrow_are_read(tmp_path: Path, kind: type) -> None:
    rows = table(5)
    with kind(str(tmp_path / "a.arrow"), rows.schema) as writer:
        writer.write_table(rows)
    assert len(documents(tmp_path / "a.arrow")) == 5


def test_one_damaged_row_group_does_not_cost_the_others(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(table(900), path, row_group_size=300, compression="gzip", use_dictionary=False)
    at = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    data = bytearray(path.read_bytes())
    data[at : at + 200] = bytes(200)
    path.write_bytes(data)
    found = texts_and_reasons(outcomes(path))
    assert found[:300] == [f"text {n}" for n in range(300)]
    assert found[-300:] == [f"text {n}" for n in range(600, 900)]
    assert len(found) == 601 and found[300].startswith("! damaged")


def test_bad_utf8_costs_one_row(tmp_path: Path) -> None:
    raw = pa.array([b"good", b"caf\xe9", b"also"]).view(pa.string())
    pq.write_table(pa.table({"text": raw}), tmp_path / "a.parquet")
    before, bad, after = texts_and_reasons(outcomes(tmp_path / "a.parquet"))
    assert (before, after) == ("good", "also") and "not UTF-8" in bad


def test_a_time_that_python_cannot_represent_costs_nothing(tmp_path: Path) -> None:
    times = pa.array([0, 2**60, 1], pa.timestamp("us"))
    pq.write_table(pa.table({"text": ["a", "b", "c"], "t": times}), tmp_path / "a.parquet")
    first, beyond, last = documents(tmp_path / "a.parquet")
    assert (first.text, beyond.text, last.text) == ("a", "b", "c")
    assert first.metadata["t"] == "1970-01-01T00:00:00"
    assert str(2**60) in beyond.metadata["t"]


def test_invalid_values_of_other_columns_cost_nothing(tmp_path: Path) -> None:
    columns = {
        "text": pa.array(["a", "b"]),
        "day": pa.array([0, 1], pa.int64()).view(pa.date64()),  # not a whole number of days
        "clock": pa.array([0, 2**40], pa.int64()).view(pa.time64("us")),  # beyond midnight
        "zone": pa.array([0, 1], pa.timestamp("us", tz="Mars/Olympus")),
    }
    table = pa.table(columns)
    with pa.ipc.new_file(tmp_path / "a.arrow", table.schema) as file:
        file.write_table(table)
    assert [document.text for document in documents(tmp_path / "a.arrow")] == ["a", "b"]


def test_a_damaged_batch_costs_only_itself(tmp_path: Path) -> None:
    schema = pa.schema([("text", pa.string())])
    texts = [[f"line {batch} {n} " * 9 for n in range(10)] for batch in range(6)]
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    for name, kind in (("a.arrow", pa.ipc.new_file), ("b.arrow", pa.ipc.new_stream)):
        with kind(tmp_path / name, schema, options=options) as file:
            for batch in texts:
                file.write_batch(pa.record_batch([batch], schema))
        data = bytearray((tmp_path / name).read_bytes())
        second = [
            offset for offset in range(len(data)) if data[offset:].startswith(b"\x28\xb5\x2f\xfd")
        ]
        data[second[3] + 8 : second[3] + 16] = b"\xff" * 8
        (tmp_path / name).write_bytes(data)
        found = texts_and_reasons(outcomes(tmp_path / name))
        assert sum(line.startswith("! damaged") for line in found) == 1
        assert [line for line in found if line[0] != "!"] == [
            text for number, batch in enumerate(texts) if number != 1 for text in batch
        ]


def test_two_columns_of_the_same_name_are_reported(tmp_path: Path) -> None:
    table = pa.table([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    pq.write_table(table, tmp_path / "a.parquet")
    (bad,) = texts_and_reasons(outcomes(tmp_path / "a.parquet"))
    assert "more than one column 'text'" in bad


def test_a_footer_with_invalid_columns_does_not_end_the_process(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [f"line {n}" for n in range(50)]}), path, row_group_size=10)
    data = path.read_bytes()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    # The type of the first column, BYTE_ARRAY (6), becomes BOOLEAN (0): Thrift writes i32 zigzag.
    offset = data.index(b"\x15\x0c", footer)
    path.write_bytes(data[: offset + 1] + b"\0" + data[offset + 2 :])
    assert all(line.startswith("! damaged") for line in texts_and_reasons(outcomes(path)))


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
@pytest.mark.parametrize("content", [b"", b"PAR1\x15\x04", b"\xff\xff\xff\xff\x10", b"text"])
def test_an_invalid_table_is_reported_once(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    (bad,) = texts_and_reasons(outcomes(tmp_path / name))
    assert bad.startswith("! not a")


TEXTS = ["Der Turm", "\u706f\u5854", "\u043c\u0430\u044f\u043a\n"]


@pytest.mark.parametrize(
    "kind", [pa.binary(), pa.large_binary(), pa.string(), pa.large_string(), pa.string_view()]
)
@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_a_column_of_bytes_is_read_as_utf8(tmp_path: Path, kind: Any, ending: str) -> None:
    is_bytes = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    values = [text.encode() if is_bytes else text for text in TEXTS]
    table = pa.table({"text": pa.array(values, kind), "title": pa.array(values, kind)})
    path = tmp_path / f"a.{ending}"
    if ending == "parquet":
        pq.write_table(table, path)
    else:
        with pa.ipc.new_file(path, table.schema) as file:
            file.write_table(table)
    found = documents(path)
    assert [document.text for document in found] == TEXTS
    assert [document.metadata["title"] for document in found] == TEXTS


def test_bytes_of_a_fixed_size_and_in_a_struct(tmp_path: Path) -> None:
    fixed = pa.array([b"abc\0\0", b"abcde"], pa.binary(5))
    nested = pa.array([{"b": b"x"}, {"b": b"\xff"}], pa.struct([("b", pa.binary())]))
    pq.write_table(pa.table({"text": fixed, "doc": nested}), tmp_path / "a.parquet")
    assert [d.text for d in documents(tmp_path / "a.parquet")] == ["abc", "abcde"]
    found = texts_and_reasons(outcomes(tmp_path / "a.parquet", text_field="doc.b"))
    assert found[0] == "x"
    assert found[1].startswith("! column 'doc.b': not UTF-8: invalid start byte at byte 0")


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (pa.array([["a"]]), "list<element: string>"),
        (pa.array([7]), "int64"),
        (pa.array([{"a": 1}]), "struct<a: int64>"),
        (pa.array([0.5], pa.float32()), "float"),
    ],
)
def test_the_type_of_a_column_that_is_no_text_is_named(
    tmp_path: Path, values: Any, named: str
) -> None:
    pq.write_table(pa.table({"text": values}), tmp_path / "a.parquet")
    (reason,) = texts_and_reasons(outcomes(tmp_path / "a.parquet"))
    assert reason == f"! column 'text' is {named}, must be text"
