"""What only a folder of `lmkit train-tokenizer` shows, and how a tokenizer splits a text."""

from pathlib import Path

from lmkit.artifacts.finished_folders import finished_manifest
from lmkit.artifacts.opened_folder import OpenedFolder
from lmkit.artifacts.output_stores import on_disk
from lmkit.commands.inspect.folder_kind import FolderKind, Sections
from lmkit.commands.inspect.folder_sections import MAX_INPUTS
from lmkit.commands.inspect.options import InspectConfig
from lmkit.errors import InputError
from lmkit.packing.preview import TEXT, special_texts, tokenized
from lmkit.storage.json_bytes import from_json
from lmkit.storage.remote_files import RemoteFile, file_at, open_file
from lmkit.tokenizers.report import ALL_SOURCES, ReportRow, TokenizerRecord
from lmkit.tokenizers.tokenizer import TOKENIZER, Tokenizer


def tokenizer_sections(folder: OpenedFolder) -> Sections:
    """Return the size of a tokenizer and its report, with the longest tokens in a section."""
    facts: Sections = {}
    if folder.manifest:
        facts = TokenizerRecord.from_manifest(folder.manifest, folder.path).recorded()
    shown = {key: value for key, value in facts.items() if key != "report" and value != []}
    return {"tokenizer": shown, **_report(folder.path)}


def _report(folder: Path) -> Sections:
    try:
        with open_file(folder / "report.json") as file:
            found = from_json(file.read())
        rows = [ReportRow.model_validate(row) for row in found]
    except (OSError, ValueError, TypeError):
        return {}  # from an older version, or listed in the problems
    longest = [
        {"tokenizer": row.tokenizer, "source": row.source, "token": repr(token)}
        for row in rows
        if row.source == ALL_SOURCES
        for token in row.longest_tokens
    ]
    shown = [row.model_dump(mode="json", exclude={"longest_tokens"}) for row in rows]
    more = [{"tokenizer": "", "source": f"and {len(shown) - MAX_INPUTS:,} more"}]
    cut = [*shown[:MAX_INPUTS], *(more if len(shown) > MAX_INPUTS else [])]
    return {"report": cut, "longest_tokens": longest}


def special_tokens(_: InspectConfig, folder: OpenedFolder) -> list[Sections]:
    """Return the special tokens, as one text."""
    return [{"text": " ".join(special_texts(Tokenizer.load(_on_disk(folder.path))))}]


def sample_pieces(_: InspectConfig, folder: OpenedFolder) -> list[Sections]:
    """Tokenize a text that shows what tokenizers differ in."""
    return pieces(folder.path, TEXT)


def pieces(folder: Path, text: str) -> list[Sections]:
    """Tokenize a text with the tokenizer in a folder, or in its `tokenizer/`."""
    folder = _on_disk(folder)
    inside = folder / "tokenizer"
    return tokenized(Tokenizer.load(inside if (inside / TOKENIZER).is_file() else folder), text)


def _on_disk(folder: Path) -> Path:
    """Return a folder if it is on a disk, else a copy. Raises InputError for no tokenizer there."""
    if not isinstance(found := file_at(folder), RemoteFile):
        return folder
    manifest = finished_manifest(folder)
    if manifest is None or manifest.stage != "train-tokenizer":
        raise InputError(
            f"{found.url}: not a folder of lmkit train-tokenizer",
            "name the folder of its tokenizer, or copy this one to a disk",
        )
    return on_disk(folder, manifest)


TOKENIZER_FOLDER = FolderKind(
    tokenizer_sections, (("special_tokens", special_tokens), ("sample_pieces", sample_pieces))
)
