"""dataset_card.md: what is known of the documents, as a README of the Hugging Face hub.

Choices:
- It describes the documents that nothing else was made of them: the last folders of documents.
- Only what the manifests record is written. Licence, consent and biases aren't known: the card says
  so, and doesn't guess.
"""

from collections.abc import Sequence
from pathlib import Path

from lmkit.artifacts.manifest import Manifest
from lmkit.filters.outcome_counts import CleanRecord
from lmkit.reporting.command_lines import command_line
from lmkit.reporting.lineage import ShownFolder
from lmkit.reporting.markdown_card import (
    card,
    code_block,
    front_matter,
    markdown_table,
    plain_text,
)
from lmkit.reporting.report_data import ReportData, record_of

DOCUMENTS = ("clean", "dedup")
SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
SIZE_NAMES = ("1K", "10K", "100K", "1M", "10M", "100M", "1B")


def dataset_card(data: ReportData) -> str | None:
    """Return the card; None where there are no finished documents."""
    last = _last_documents(data)
    if not last:
        return None
    made = [each.opened.manifest for each in last if each.opened.manifest]
    documents = sum(manifest.counts.documents_out for manifest in made)
    above = {name.name: name for each in last for name in data.lineage.above(each.name)}
    steps = [each for each in above.values() if each.opened.plan.stage in DOCUMENTS]
    languages = known_languages(steps)
    head = front_matter(
        {
            "language": languages,
            "tags": ["lmkit"],
            "task_categories": ["text-generation"],
            "size_categories": [_size_category(documents)],
            "configs": [{"config_name": "default", "data_files": "documents-*.jsonl.zst"}],
        }
    )
    return card(
        [
            head,
            f"# {plain_text(' and '.join(each.name for each in last))}",
            f"{documents:,} documents for pre-training, made with lmkit "
            f"{plain_text(made[0].lmkit)}.",
            "## Use",
            code_block(_snippet(made), "python"),
            "Each line is a document: `id`, `text`, `source`, `metadata`.",
            "## Sources",
            markdown_table(_sources(data)),
            "## Processing",
            markdown_table([_step(each) for each in steps]),
            "Documents that were dropped, by reason:" if any(map(_dropped, steps)) else "",
            markdown_table([row for each in steps for row in _dropped(each)]),
            "The commands that make it again:",
            code_block(
                "\n".join(
                    command_line(each.opened.plan, data.config_of(each.opened.plan.stage))
                    for each in steps
                ),
                "bash",
            ),
            "## Personal data",
            _personal_data(steps),
            "## Not known",
            "Licence, intended use, consent of the authors, known faults and biases: nobody has "
            "written them down yet.",
        ]
    )


def _last_documents(data: ReportData) -> list[ShownFolder]:
    """Return the finished folders of documents of which no other documents were made."""
    used = {
        key
        for node in data.lineage.nodes
        if node.stage in DOCUMENTS and node.is_finished
        for key in node.inputs
    }
    return [
        ShownFolder(node.name, node.folder)
        for node in data.lineage.nodes
        if node.folder and node.stage in DOCUMENTS and node.is_finished and node.key not in used
    ]


def known_languages(folders: Sequence[ShownFolder]) -> list[str]:
    """Return the languages that were asked for, or that most of the documents were labelled as."""
    found: list[str] = []
    for each in folders:
        if each.opened.plan.stage != "clean" or not each.opened.manifest:
            continue
        asked = [str(code) for code in each.opened.plan.config.get("language") or ()]
        if asked and asked != ["all"]:
            found += asked
        elif asked and (record := record_of(each, CleanRecord)):
            total = sum(row.out for row in record.by_language) or 1
            found += [row.language for row in record.by_language if row.out > total / 100]
    codes = {code for code in found if code.isalpha() and len(code) <= 3}
    return sorted(codes)


def _size_category(documents: int) -> str:
    for number, limit in enumerate(SIZES):
        if documents < limit:
            return f"{SIZE_NAMES[number - 1]}<n<{SIZE_NAMES[number]}" if number else "n<1K"
    return "n>1B"


def _snippet(made: Sequence[Manifest]) -> str:
    paths = [str(Path(str(each.config.get("output"))) / "documents-*.jsonl.zst") for each in made]
    files = paths[0] if len(paths) == 1 else paths
    return (
        "from datasets import load_dataset\n\n"
        f'documents = load_dataset("json", data_files={files!r}, split="train")\n'
        'print(documents[0]["text"])'
    )


def _sources(data: ReportData) -> list[dict[str, object]]:
    return [
        {"source": node.name, "files": f"{node.files:,}", "bytes": f"{node.bytes:,}"}
        for node in data.lineage.sources()
    ]


def _step(folder: ShownFolder) -> dict[str, object]:
    counts = folder.opened.counts
    return {
        "folder": folder.name,
        "command": f"lmkit {folder.opened.plan.stage}",
        "documents read": f"{counts.documents_in:,}",
        "kept": f"{counts.documents_out:,}",
        "could not be read": f"{counts.quarantined:,}",
    }


def _dropped(folder: ShownFolder) -> list[dict[str, object]]:
    return [
        {"folder": folder.name, "reason": reason, "documents": f"{count:,}"}
        for reason, count in folder.opened.counts.dropped.items()
    ]


def _personal_data(steps: Sequence[ShownFolder]) -> str:
    lines: list[str] = []
    for each in steps:
        if each.opened.plan.stage != "clean":
            continue
        pii = each.opened.plan.config.get("pii") or {}
        kinds = ", ".join(map(str, pii.get("kinds") or ()))
        what = (
            f"{plain_text(kinds)} were searched for, and handled by `{plain_text(pii['action'])}`"
            if pii.get("action")
            else "nothing was searched for or replaced"
        )
        lines.append(f"- {plain_text(each.name)}: {what}.")
    return "\n".join(lines) or "Not known."
