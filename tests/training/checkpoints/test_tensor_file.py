from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from lmkit.errors import LmkitError
from lmkit.model.initialization import LocalPart
from lmkit.training.checkpoints.tensor_file import (
    DTYPES,
    StoredShape,
    TensorFile,
    file_order,
    write_tensors,
)


def tensors() -> dict[str, Tensor]:
    """Tensors of each type, and of names of all lengths, so that headers need any alignment."""
    made = {f"{number}.{dtype}": torch.arange(6).to(dtype) for number, dtype in enumerate(DTYPES)}
    made |= {"b.weight": torch.randn(3, 5), "a": torch.tensor(2.0), 'é."x"': torch.randn(2, 2, 2)}
    return made | {"none": torch.empty(0, 4), "norm": torch.ones(4), "norm.gain": torch.ones(4)}


@pytest.mark.parametrize("count", range(17))
def test_a_file_has_the_bytes_that_the_library_writes(count: int, tmp_path: Path) -> None:
    some = dict([*tensors().items()][:count])
    shapes = {name: StoredShape(t.dtype, tuple(t.shape)) for name, t in some.items()}
    rows = (
        row
        for name in file_order(shapes)
        for row in (some[name].split(1) if some[name].ndim else [some[name]])
    )
    write_tensors(tmp_path / "mine", shapes, rows)
    save_file(some, tmp_path / "theirs")
    assert (tmp_path / "mine").read_bytes() == (tmp_path / "theirs").read_bytes()
    assert all(load_file(tmp_path / "mine")[name].equal(tensor) for name, tensor in some.items())


def test_no_more_pieces_are_taken_than_belong_to_the_file(tmp_path: Path) -> None:
    pieces = iter([torch.zeros(2), torch.zeros(2), torch.ones(2)])
    write_tensors(tmp_path / "file", {"a": StoredShape(torch.float32, (4,))}, pieces)
    assert next(pieces).equal(torch.ones(2))


def test_parts_are_read_of_either_axis(tmp_path: Path) -> None:
    matrix, number = torch.randn(5, 6), torch.tensor(3.0)
    save_file({"matrix": matrix, "number": number}, tmp_path / "file")
    file = TensorFile.at(tmp_path / "file")
    assert file.shapes == {"matrix": (5, 6), "number": ()}
    expected = {
        None: matrix,
        LocalPart(torch.empty(2, 6), 0, 3): matrix[3:],
        LocalPart(torch.empty(5, 3), 1, 3): matrix[:, 3:],
        LocalPart(torch.empty(0, 6), 0, 5): matrix[5:],
    }
    for part, tensor in expected.items():
        with file.opened("matrix", part) as found:
            assert found.equal(tensor)
    with file.opened("number") as found:
        assert found.equal(number)


def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    save_file({"matrix": torch.randn(5, 6)}, tmp_path / "file")
    data = (tmp_path / "file").read_bytes()
    (tmp_path / "file").write_bytes(data[:-4])
    with pytest.raises(LmkitError, match="file: cannot be read"):
        TensorFile.at(tmp_path / "file")
