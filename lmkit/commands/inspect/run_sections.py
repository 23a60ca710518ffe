"""What only a run of `lmkit pretrain`, and a checkpoint of one, show."""

from pathlib import Path

from pydantic import ValidationError

from lmkit.artifacts.manifest import FORMAT, MANIFEST, Output
from lmkit.artifacts.opened_folder import OpenedFolder
from lmkit.commands.inspect.folder_kind import FolderKind, Sections
from lmkit.commands.inspect.folder_sections import file_rows, problem_rows
from lmkit.commands.inspect.record_sections import shortened
from lmkit.errors import InputError
from lmkit.training.checkpoints.run_summary import checkpoint_state, describe_run, parameters

MAX_STEPS = 5


def run_sections(folder: OpenedFolder) -> Sections:
    """Return the progress of a run, its model, its last scores and texts, and its last steps."""
    goal = {"steps_wanted": folder.plan.config.get("steps")}
    found = describe_run(folder.path, goal | folder.details, MAX_STEPS)
    for sample in found["last_samples"]:
        sample["text"] = shortened(sample.get("text", ""))
    return found


def checkpoint_sections(folder: Path, manifest: Sections) -> Sections:
    """Return all sections of a checkpoint, given its manifest. Raises InputError."""
    if manifest.get("format") != FORMAT:
        raise InputError(f"{folder}: made by an earlier lmkit: make it again, or use that version")
    try:
        outputs = [Output.model_validate(output) for output in manifest["outputs"]]
    except (ValidationError, TypeError):
        raise InputError(f"{folder / MANIFEST}: damaged", "use another checkpoint") from None
    made = {"folder": str(folder), "stage": "pretrain (a checkpoint)", "step": manifest["step"]}
    return {
        "made": made | {"parameters": parameters(folder)},
        "state": checkpoint_state(folder),
        "outputs": file_rows(outputs),
        "problems": problem_rows(folder, outputs),
    }


RUN = FolderKind(run_sections)
