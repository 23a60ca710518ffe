"""Options of every command that shares its tasks among machines.

Choice: none of them is recorded or compared, since the output is the same for any.
"""

from typing import Annotated, Literal

from pydantic import Field

from lmkit.config import REPEATED, Group


class RayConfig(Group):
    """A Ray cluster."""

    address: str = "auto"
    """HOST:PORT of the head of a cluster that is running; auto: RAY_ADDRESS, else the cluster that
    was started on this machine."""

    task_memory: Annotated[int, Field(ge=1)] | None = None
    """Bytes of memory that each task reserves, so that fewer run at a time on a machine; none: a
    task reserves a core only."""


class SlurmConfig(Group):
    """Jobs of Slurm."""

    partition: str | None = None
    """Partition of the jobs; none: the default one."""

    minutes: Annotated[int, Field(ge=1)] = 720
    """Time limit of a job, after which Slurm ends it; its rest is given to another."""

    jobs: Annotated[int, Field(ge=1, le=1_000)] = 256
    """Most jobs of an array: each has a part of the tasks."""

    options: Annotated[tuple[str, ...], REPEATED] = ()
    """Another option of sbatch, as KEY=VALUE, such as account=lab or mem=8G; repeat it for
    several."""


class SharesTasks(Group):
    """Options of a command whose tasks may run on other machines."""

    executor: Annotated[Literal["local", "inline", "ray", "slurm"], Field(exclude=True)] = "local"
    """Where tasks run: in processes on this machine, in this process, on a Ray cluster, or as jobs
    of Slurm. The output is the same. Other machines see the same folders under the same paths."""

    retries: Annotated[int, Field(ge=0, le=100, exclude=True)] = 5
    """With ray or slurm: how often a task is given again when its machine was lost. With an output
    at a URL: how often a request is repeated that the store was too busy for."""

    ray: Annotated[RayConfig, Field(exclude=True)] = RayConfig()

    slurm: Annotated[SlurmConfig, Field(exclude=True)] = SlurmConfig()
