import torch

from lmkit.evaluation.processes import ALONE, Processes


def test_each_unit_of_work_has_one_process() -> None:
    shares = [[Processes(rank, 3).answers_for(unit) for unit in range(8)] for rank in range(3)]
    assert [sum(of_unit) for of_unit in zip(*shares, strict=True)] == [1] * 8


def test_one_process_computes_all_and_keeps_its_numbers() -> None:
    numbers = torch.tensor([1.5, 2.5])
    assert all(map(ALONE.answers_for, range(5))) and ALONE.reduce_sum(numbers) is numbers
