"""The files of weights, and their headers, read without torch."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from lmkit.errors import InputError
from lmkit.huggingface.weight_files import (
    INDEX,
    WEIGHTS,
    is_sharded,
    read_table,
    tensor_headers,
    weight_files,
)


def test_one_file_is_found_before_an_index(tmp_path: Path) -> None:
    save_file({"a": np.zeros((2, 3), np.float16)}, tmp_path / WEIGHTS)
    (tmp_path / INDEX).write_text("{")
    assert not is_sharded(tmp_path) and weight_files(tmp_path) == [tmp_path / WEIGHTS]
    (header,) = tensor_headers(tmp_path)
    assert (header.name, header.shape, header.dtype) == ("a", (2, 3), "F16")


def test_shards_are_found_by_their_index(tmp_path: Path) -> None:
    for number in (1, 2):
        save_file({f"t{number}": np.zeros(number)}, tmp_path / f"model-{number}.safetensors")
    table = {f"t{number}": f"model-{number}.safetensors" for number in (1, 2)}
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": table}))
    assert is_sharded(tmp_path)
    assert [file.name for file in weight_files(tmp_path)] == [*table.values()]
    assert {h.name: (h.file.name, h.shape) for h in tensor_headers(tmp_path)} == {
        "t1": ("model-1.safetensors", (1,)),
        "t2": ("model-2.safetensors", (2,)),
    }
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": table | {"x": table["t1"]}}))
    with pytest.raises(InputError, match="has no x, which"):
        tensor_headers(tmp_path)


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(InputError, match="a pickle, which can run code") as error:
        weight_files(tmp_path)
    assert "save_pretrained" in (error.value.hint or "")


@pytest.mark.parametrize("kept", [4, 60, -1])
def test_a_truncated_file_is_corrupt(tmp_path: Path, kept: int) -> None:
    save_file({"a": np.zeros(9)}, tmp_path / WEIGHTS)
    (tmp_path / WEIGHTS).write_bytes((tmp_path / WEIGHTS).read_bytes()[:kept])
    with pytest.raises(InputError, match=r"model\.safetensors: corrupt"):
        tensor_headers(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_damaged_table_is_corrupt(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match=r"config\.json: corrupt"):
        read_table(tmp_path / "config.json")


def test_headers_and_options_need_no_torch() -> None:
    script = (
        "import sys, lmkit.huggingface.checkpoint, lmkit.huggingface.folder_tokenizer; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
