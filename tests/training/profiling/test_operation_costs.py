from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
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
    table = operation_costs(profiler.profiler.kineto_results.events())
    shown = {row[0]: row for row in rows(table)[1:]}
    assert shown["aten::mm"][1] == "3"
    assert "(outside of operations)       3" in table and "ProfilerStep" not in table
    known = {each.key: each.self_cpu_time_total for each in profiler.key_averages()}
    assert float(shown["aten::mm"][2]) == pytest.approx(known["aten::mm"] / 1e3, abs=0.006)


@dataclass
class Event:
    """An event as torch's profiler has it."""

    called: str
    start: int
    end: int
    number: int = 0
    kernel_of: int = 0
    is_annotation: bool = False
    thread: int = 1

    def device_type(self) -> SimpleNamespace:
        return SimpleNamespace(name="CUDA" if self.kernel_of or self.is_annotation else "CPU")

    def __getattr__(self, name: str) -> Any:
        values = {
            "name": self.called,
            "start_ns": self.start,
            "end_ns": self.end,
            "correlation_id": self.number,
            "linked_correlation_id": self.kernel_of,
            "is_user_annotation": self.is_annotation,
            "is_async": False,
            "start_thread_id": self.thread,
            "end_thread_id": self.thread,
        }
        return lambda: values[name]


def test_a_kernel_is_time_of_the_call_that_started_it_and_threads_are_apart() -> None:
    million = 1_000_000
    events = [
        Event("ProfilerStep#6", 0, 10 * million),
        Event("linear", 1 * million, 5 * million, number=1),
        Event("mm", 2 * million, 4 * million, number=2),
        Event("backward", 3 * million, 6 * million, number=3, thread=2),
        Event("gemm_kernel", 20 * million, 26 * million, kernel_of=2),
        Event("gemm_kernel", 30 * million, 32 * million, kernel_of=3),
        Event("ProfilerStep#6", 0, 40 * million, is_annotation=True),
    ]
    header, *shown = rows(operation_costs(events))
    assert header[-3:] == ["GPU", "ms", "share"]
    assert shown[0] == ["mm", "1", "2.00", "6.00", "75.0%"]
    assert shown[1] == ["backward", "1", "3.00", "2.00", "25.0%"]
    assert shown[2] == ["(outside", "of", "operations)", "1", "6.00", "0.00", "0.0%"]
    assert shown[3] == ["linear", "1", "2.00", "0.00", "0.0%"]
