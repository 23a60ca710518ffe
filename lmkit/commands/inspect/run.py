"""Inspect: show the content of a folder, the command that wrote it, and its inputs.

Choices:
- It reads manifest.json, or the plan and the receipts of an unfinished folder. Of the files
  themselves it reads one shard per kind of sample, and of that only the lines that it shows: a big
  corpus is inspected as quickly as a small one.
- Missing, truncated or damaged files are named and are not an error: people inspect a folder
  because something is wrong.
- Nothing here needs torch, not even for a run's weights: their names and shapes are in plain JSON.
- What only the folders of one command show is in a file for each (`registry.py`).
- A model of Transformers, which has no manifest, is shown by its config.json.
"""

from collections.abc import Iterator, Mapping
from functools import partial

from lmkit.artifacts.manifest import MANIFEST
from lmkit.artifacts.opened_folder import OpenedFolder, open_folder
from lmkit.commands.inspect.comparison.two_folders import comparison_sections
from lmkit.commands.inspect.eval_sections import wrong_answer_sections
from lmkit.commands.inspect.folder_kind import Sampler, Sections
from lmkit.commands.inspect.folder_sections import (
    changed_options,
    count_facts,
    file_rows,
    input_rows,
    summary,
)
from lmkit.commands.inspect.options import InspectConfig
from lmkit.commands.inspect.record_sections import RECORDS, sample_records
from lmkit.commands.inspect.registry import kind_of
from lmkit.commands.inspect.rule_sections import rule_sections
from lmkit.commands.inspect.run_sections import checkpoint_sections
from lmkit.commands.inspect.tokenizer_sections import pieces
from lmkit.commands.inspect.transformers_sections import transformers_sections
from lmkit.errors import InputError, LmkitError
from lmkit.execution.tables import Section, shown
from lmkit.huggingface.checkpoint import is_hf_folder
from lmkit.training.checkpoints.run_summary import checkpoint_manifest


def inspect_folder(config: InspectConfig) -> Sections:
    """Return the sections of a folder, which are the same for people and for scripts."""
    if config.other is not None:
        return comparison_sections(config, config.other)
    if config.text is not None:
        return {"pieces": pieces(config.folder, config.text)}
    if (checkpoint := checkpoint_manifest(config.folder)) is not None:
        return checkpoint_sections(config.folder, checkpoint)
    if is_hf_folder(config.folder) and not (config.folder / MANIFEST).exists():
        _refuse_other_sections(config)
        return transformers_sections(config.folder)
    folder = open_folder(config.folder)
    if config.rules or config.limits is not None or config.document is not None:
        return rule_sections(config, folder)
    if config.task is not None:
        return wrong_answer_sections(config, folder, config.task)
    return {
        "made": summary(folder),
        "inputs": input_rows(folder.plan.inputs),
        "changed_options": changed_options(folder.plan),
        "counts": count_facts(folder.counts),
        **kind_of(folder.plan.stage).sections(folder),
        "outputs": file_rows(folder.outputs),
        **dict(_samples(config, folder)),
        "problems": [{"text": problem} for problem in folder.damaged_files()],
    }


def _refuse_other_sections(config: InspectConfig) -> None:
    """Raise InputError for an option about documents or scores, of which a model has none."""
    names = ("rules", "limits", "document", "task")
    if typed := [name for name in names if getattr(config, name) not in {None, False}]:
        raise InputError(
            f"--{typed[0]}: {config.folder} is a Transformers folder, not made by lmkit",
            "leave it out, or name a folder of lmkit clean or lmkit eval",
        )


def _samples(config: InspectConfig, folder: OpenedFolder) -> Iterator[tuple[str, list[Sections]]]:
    """Yield samples of records; an error message instead of unreadable ones."""
    samplers: dict[str, Sampler] = {
        f"sample_{kind}": partial(sample_records, kind=kind) for kind in RECORDS
    }
    if folder.manifest:
        samplers |= kind_of(folder.plan.stage).samples
    for title, sampler in samplers.items() if config.samples else ():
        try:
            yield title, sampler(config, folder)
        except (LmkitError, OSError) as error:
            yield title, [{"text": str(error)}]


def result_text(_: InspectConfig, sections: Mapping[str, Section]) -> str:
    """Return the sections as text."""
    return shown(sections)
