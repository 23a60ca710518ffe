"""Tokenizers: how much text a token holds, by source; two next to each other."""

from collections.abc import Sequence
from pathlib import Path

from lmkit.errors import LmkitError
from lmkit.packing.preview import special_texts
from lmkit.reporting.escaped_html import Html, element, folded, joined, paragraph
from lmkit.reporting.lineage import ShownFolder
from lmkit.reporting.report_data import ReportData
from lmkit.reporting.section import Section
from lmkit.reporting.svg_shapes import Bar, bars
from lmkit.reporting.tables_html import table
from lmkit.storage.json_bytes import from_json
from lmkit.tokenizers.report import ALL_SOURCES, ReportRow, TokenizerRecord
from lmkit.tokenizers.tokenizer import Tokenizer

MAX_SPECIAL = 40
MAX_SOURCES = 12


def tokenizer_compression(data: ReportData) -> Section | None:
    """Return the compression of each tokenizer, and its special tokens."""
    folders = data.folders("train-tokenizer")
    if not folders:
        return None
    content = [
        paragraph(
            "Bytes of text per token: a tokenizer with more puts more text into a sequence, and "
            "one with fewer has an easier guess at each token. Models with different tokenizers "
            "are compared by bits per byte, not by loss."
        )
    ]
    content.append(table([_facts(each) for each in folders]))
    rows = _by_source(folders)
    if rows:
        label = f"Bytes per token: {'; '.join(f'{row.label} {row.note}' for row in rows)}"
        content.append(bars(rows, label))
    content += [part for each in folders for part in _special(each)]
    return Section("Tokenizer", "tokenizer", joined(content))


def _facts(folder: ShownFolder) -> dict[str, object]:
    config = folder.opened.plan.config
    facts: dict[str, object] = {"folder": folder.name, "algorithm": config.get("algorithm")}
    if folder.opened.manifest:
        try:
            made = TokenizerRecord.from_manifest(folder.opened.manifest, folder.opened.path)
        except LmkitError:
            return facts
        facts |= {"algorithm": made.algorithm, "entries": made.vocabulary_size}
        everything = [row for row in read_report(folder.opened.path) if row.source == ALL_SOURCES]
        if everything:
            row = everything[0]
            facts |= {
                "bytes per token": row.bytes_per_token,
                "tokens per word": row.tokens_per_word,
                "entries that occur": f"{row.vocabulary_used:.1%}",
                "unknown": f"{row.unknown_share:.2%}",
                "texts that decode unchanged": f"{row.come_back:.2%}",
                "longest": ", ".join(repr(token) for token in row.longest_tokens[:3]),
            }
        facts |= {"lacks": ", ".join(made.lacks)} if made.lacks else {}
    return facts


def read_report(folder: Path) -> list[ReportRow]:
    """Return the statistics of a tokenizer by source; nothing where they are missing or damaged."""
    try:
        found = from_json((folder / "report.json").read_bytes())
        return [ReportRow.model_validate(row) for row in found]
    except (OSError, ValueError, TypeError):
        return []


def _by_source(folders: Sequence[ShownFolder]) -> list[Bar]:
    """Return a bar for each source and tokenizer, those of a source one below the other."""
    found: list[tuple[str, str, ReportRow]] = []
    for folder in folders:
        report = read_report(folder.opened.path)
        for row in report:
            if row.tokenizer == report[0].tokenizer:
                found.append((row.source, folder.name, row))
            elif len(folders) == 1:  # else the other one is most likely shown itself
                found.append((row.source, row.tokenizer, row))
    names = list(dict.fromkeys(name for _, name, _ in found))
    sources = list(dict.fromkeys(source for source, _, _ in found))[:MAX_SOURCES]
    bars_of: list[Bar] = []
    for source in sources:
        for name, row in [(name, row) for at, name, row in found if at == source]:
            label = f"{source}: {name}" if len(names) > 1 else source
            note = f"{row.bytes_per_token:.2f} ({row.texts:,} texts)"
            bars_of.append(Bar(label, row.bytes_per_token, note, f"c{names.index(name) % 4}"))
    return bars_of


def _special(folder: ShownFolder) -> list[Html]:
    try:
        texts = special_texts(Tokenizer.load(folder.opened.path))
    except (LmkitError, OSError, ValueError):
        return []  # not finished, or among the problems
    shown = " ".join(texts[:MAX_SPECIAL])
    more = f" and {len(texts) - MAX_SPECIAL:,} more" if len(texts) > MAX_SPECIAL else ""
    title = f"Special tokens of {folder.name} ({len(texts):,})"
    return [folded(title, element("p", element("code", shown), more))]
