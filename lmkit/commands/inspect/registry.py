"""The registry of the kinds of folders, by the command that makes them.

A folder of any other command shows all that its manifest records.
"""

from lmkit.artifacts.manifest import flat
from lmkit.commands.inspect.clean_sections import CLEAN
from lmkit.commands.inspect.dedup_sections import DEDUP
from lmkit.commands.inspect.eval_sections import EVAL
from lmkit.commands.inspect.folder_kind import FolderKind
from lmkit.commands.inspect.packed_sections import PACKED
from lmkit.commands.inspect.run_sections import RUN
from lmkit.commands.inspect.tokenizer_sections import TOKENIZER_FOLDER
from lmkit.commands.inspect.transformers_sections import EXPORTED

KINDS: dict[str, FolderKind] = {
    "clean": CLEAN,
    "dedup": DEDUP,
    "train-tokenizer": TOKENIZER_FOLDER,
    "pack": PACKED,
    "pretrain": RUN,
    "eval": EVAL,
    "export": EXPORTED,
}
OTHER = FolderKind(lambda folder: {"details": flat(folder.details)})


def kind_of(stage: str) -> FolderKind:
    """Return how the folders of a command are shown."""
    return KINDS.get(stage, OTHER)
