"""The executor that options name."""

from importlib.util import find_spec
from pathlib import Path

from lmkit.config import Group
from lmkit.errors import ConfigError
from lmkit.execution.executors.executor import Executor
from lmkit.execution.executors.options import SharesTasks
from lmkit.extras import installation

PACKAGES = {"ray": "ray", "slurm": "submitit"}
"""What each executor needs."""


def executor_of(config: Group, scratch: Path) -> Executor | None:
    """Return the executor of a command that writes to a folder; None for this machine.

    Raises ConfigError where what it needs isn't there.
    """
    if not isinstance(config, SharesTasks) or config.executor not in PACKAGES:
        return None
    name = config.executor
    if find_spec(PACKAGES[name]) is None:
        raise ConfigError(
            f"--executor {name}: needs {PACKAGES[name]}, which isn't installed",
            f"{installation(PACKAGES[name])}; --executor local needs nothing",
        )
    typed = config.model_fields_set
    at_most: int | None = getattr(config, "workers", None) if "workers" in typed else None
    if name == "ray":
        from lmkit.execution.executors.ray_executor import RayExecutor

        return RayExecutor(config.ray, config.retries, at_most)
    from lmkit.execution.executors.slurm_executor import SlurmExecutor

    return SlurmExecutor(config.slurm, config.retries, at_most, scratch)
