"""The costliest operations of a profile, as a table.

Choices:
- Time of an operation is its own, without that of the operations that it calls, so that fractions
  add up to 1. With a GPU, its time counts: that of the CPU overlaps with it.
- What Python does between operations is a row, too: in small models, it is the costliest.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

MOST_SHOWN = 10
OUTSIDE = "(outside of operations)"
LONGEST_NAME = 60


@dataclass(frozen=True)
class Cost:
    """What all calls of an operation cost, in milliseconds."""

    name: str
    calls: int
    cpu: float
    device: float

    def __add__(self, other: "Cost") -> "Cost":
        return replace(
            self,
            calls=self.calls + other.calls,
            cpu=self.cpu + other.cpu,
            device=self.device + other.device,
        )


def operation_costs(averages: Iterable[Any]) -> str:
    """Return a table of the costliest operations among torch's averages of events."""
    costs: dict[str, Cost] = {}
    for average in averages:
        if average.device_type.name != "CPU":
            continue  # a kernel, whose time its operation has, too
        name = OUTSIDE if average.key.startswith("ProfilerStep") else average.key
        cpu, device = average.self_cpu_time_total / 1e3, average.self_device_time_total / 1e3
        cost = Cost(name, average.count, cpu, device)
        costs[name] = costs[name] + cost if name in costs else cost
    return cost_table(costs.values())


def cost_table(costs: Iterable[Cost]) -> str:
    """Return a table of the costliest operations.

    >>> print(cost_table([Cost("aten::mm", 40, 75.0, 0.0), Cost("aten::add", 9, 25.0, 0.0)]))
      operation   calls   CPU ms  share
      aten::mm       40    75.00  75.0%
      aten::add       9    25.00  25.0%
    """
    costs = list(costs)
    has_device = any(cost.device for cost in costs)

    def own(cost: Cost) -> float:
        return cost.device if has_device else cost.cpu

    total = sum(map(own, costs)) or 1.0
    shown = sorted(costs, key=own, reverse=True)[:MOST_SHOWN]
    width = max(len("operation"), *(len(_name(cost)) for cost in shown)) if shown else 0
    lines = [
        f"  {'operation':<{width}} {'calls':>7} {'CPU ms':>8}"
        + (f" {'GPU ms':>8}" if has_device else "")
        + f" {'share':>6}"
    ]
    for cost in shown:
        device = f" {cost.device:>8,.2f}" if has_device else ""
        numbers = f"{cost.calls:>7,} {cost.cpu:>8,.2f}{device} {own(cost) / total:>6.1%}"
        lines.append(f"  {_name(cost):<{width}} {numbers}")
    return "\n".join(lines)


def _name(cost: Cost) -> str:
    is_long = len(cost.name) > LONGEST_NAME
    return cost.name[: LONGEST_NAME - 3] + "..." if is_long else cost.name
