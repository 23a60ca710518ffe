import torch
from torch.profiler import profile, record_function

from lmkit.training.profiling.operation_costs import (
    LONGEST_NAME,
    MOST_SHOWN,
    Cost,
    cost_table,
    operation_costs,
)


def rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.splitlines()]


def test_the_costliest_come_first_and_fractions_are_of_all() -> None:
    costs = [Cost(f"op{n}", 2, float(n), 0.0) for n in range(1, 21)]
    header, *shown = rows(cost_table(costs))
    assert header == ["operation", "calls", "CPU", "ms", "share"]
    assert [row[0] for row in shown] == [f"op{n}" for n in range(20, 20 - MOST_SHOWN, -1)]
    assert shown[0] == ["op20", "2", "20.00", "9.5%"]  # of 210


def test_with_a_gpu_its_time_counts() -> None:
    costs = [Cost("launch", 1, 90.0, 1.0), Cost("matmul", 1, 10.0, 3.0)]
    header, first, second = rows(cost_table(costs))
    assert header == ["operation", "calls", "CPU", "ms", "GPU", "ms", "share"]
    assert first == ["matmul", "1", "10.00", "3.00", "75.0%"]
    assert second == ["launch", "1", "90.00", "1.00", "25.0%"]


def test_a_long_name_is_cut_and_no_operations_are_no_rows() -> None:
    line = cost_table([Cost("x" * 99, 1, 1.0, 0.0)]).splitlines()[1]
    assert line.split()[0] == "x" * (LONGEST_NAME - 3) + "..."
    assert len(cost_table([]).splitlines()) == 1


def test_operations_are_counted_over_all_steps_of_a_profile() -> None:
    with profile() as profiler:
        for step in range(3):
            with record_function(f"ProfilerStep#{step}"):
                torch.ones(4, 4) @ torch.ones(4, 4)
    shown = {row[0]: row for row in rows(operation_costs(profiler.key_averages()))[1:]}
    assert shown["aten::mm"][1] == "3"
    table = operation_costs(profiler.key_averages())
    assert "(outside of operations)       3" in table and "ProfilerStep" not in table
