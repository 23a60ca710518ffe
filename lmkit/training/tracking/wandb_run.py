"""Weights & Biases, offline: a folder that `wandb sync` uploads whenever a person wants to.

Choices:
- Nothing leaves the machine, and no account is needed, unless the person has set WANDB_MODE.
  Offline, W&B 0.31 still opens a connection to report its own use; WANDB_ERROR_REPORTING turns it
  off. Facts about the machine, the code and the environment aren't recorded.
- An offline run can't be resumed (wandb #2423), and a second upload with the same id replaces the
  first (#3841). So a folder is made each time a run starts or resumes, with the same id and all
  steps since the first, and the earlier ones are deleted: each holds only a part of the newest.
  (The times of steps that are logged again are those of the new start.)
- Files are in the run's folder, without links, which lmkit never writes through; W&B's own log
  leaves one, which is removed.
- One call a step: W&B ignores what comes for an earlier step. Generated texts, which come after
  their step, are in samples.jsonl and TensorBoard only.
- W&B's own variables for names (WANDB_PROJECT, WANDB_NAME, WANDB_ENTITY, ...) are respected.
"""

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any

from lmkit.execution.progress import log_message
from lmkit.training.tracking.registry import TrackedRun, Tracker

FOLDER, CACHE = "wandb", "cache"
PROJECT = "lmkit"
ONLINE = ("online", "run", "shared")
"""Values of WANDB_MODE with which W&B uses the network."""
QUIET = {
    "console": "off",
    "disable_code": True,
    "disable_git": True,
    "save_code": False,
    "symlink": False,
    "x_disable_machine_info": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_save_requirements": False,
}
"""Settings that record nothing but the numbers of the run and its options."""


class WandbRun(Tracker):
    """The open run of W&B."""

    def __init__(self, run: TrackedRun) -> None:
        mode = os.environ.get("WANDB_MODE") or "offline"
        if mode not in ONLINE:
            os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        own = run.folder / FOLDER
        os.environ.setdefault("WANDB_CACHE_DIR", str(own / CACHE))
        for earlier in (*own.glob(f"*run-*-{run.id}"), own / CACHE):
            shutil.rmtree(earlier, ignore_errors=True)
        # Its output would break the panel; online, it may ask for an account.
        settings = QUIET | {"silent": mode not in ONLINE, "reinit": "create_new"}
        self._wandb = import_module("wandb")
        self._run: Any = self._wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=os.environ.get("WANDB_NAME", run.folder.resolve().name),
            id=run.id,
            dir=str(run.folder),
            mode=mode,
            config=dict(run.options),
            settings=self._wandb.Settings(**settings),
        )
        self._run.define_metric("validation/loss", summary="min,last")
        for path in own.glob("*run-*/logs/*"):
            if path.is_symlink():
                path.unlink()
        if mode == "offline":
            folder = self._run.settings.sync_dir
            log_message(f"wandb: offline; 'wandb sync {folder}' uploads all steps")

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Add the numbers of a step."""
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        """Write what is left."""
        try:
            self._run.finish()
        except Exception:
            with suppress(Exception):
                self._wandb.teardown()  # else it prints a traceback when Python exits
            raise
