"""Data sets of the Hugging Face hub, read over the network as they stream.

    hf://HuggingFaceFW/fineweb?config=sample-10BT&split=train

Choices:
- A task reads a shard: one of the files of the data set.
- The version of the data set's files when the work was planned is compared before and after each
  shard is read, like the modification times of files on a disk.
- `hf://datasets/…` is a file or a folder in a repository, which fsspec reads.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qsl

from lmkit.errors import InputError
from lmkit.storage.remote_files import RemoteFile
from lmkit.suggestions import did_you_mean

FOLDERS = ("datasets/", "spaces/", "buckets/", "models/")
KNOWN = ("split", "config", "revision")


@dataclass(frozen=True)
class HubDataset:
    """A data set named by `hf://`."""

    name: str
    config: str | None = None
    split: str = "train"
    revision: str | None = None

    @property
    def url(self) -> str:
        """Its URL, in canonical form."""
        parts = [("config", self.config), ("split", self.split), ("revision", self.revision)]
        return f"hf://{self.name}?" + "&".join(f"{key}={value}" for key, value in parts if value)

    def load(self) -> Any:
        """Return it as a stream of rows. Raises what `datasets` raises."""
        from datasets import load_dataset  # takes a second to load

        rows: Any = load_dataset(
            self.name, self.config, split=self.split, revision=self.revision, streaming=True
        )
        return rows.decode(False)  # images and audio are left as raw bytes


def dataset_at(file: RemoteFile) -> HubDataset | None:
    """Return the data set that a URL names, None if it names a file.

    >>> dataset_at(RemoteFile("hf:/a/b", "hf://a/b?split=test"))
    HubDataset(name='a/b', config=None, split='test', revision=None)
    """
    if not file.url.startswith("hf://"):
        return None
    name, _, query = file.url.removeprefix("hf://").partition("?")
    if not name or name.startswith(FOLDERS):
        return None
    found = dict(parse_qsl(query, keep_blank_values=True))
    for key in found:
        if key not in KNOWN:
            hint = did_you_mean(key, KNOWN)
            raise InputError(f"{file.url}: {key}: must be split, config or revision{hint}")
    split = found.get("split") or "train"
    return HubDataset(name, found.get("config"), split, found.get("revision"))


def shards_and_version(dataset: HubDataset) -> tuple[int, int]:
    """Return the number of shards of a data set, and a number that identifies its version.

    Raises InputError if there is no such data set, configuration or split.
    """
    from datasets import load_dataset_builder

    try:
        builder: Any = load_dataset_builder(dataset.name, dataset.config, revision=dataset.revision)
        shards = cast(int, dataset.load().num_shards)
    except Exception as error:  # of many kinds, from several libraries
        raise InputError(
            f"{dataset.url}: cannot be read: {first_line(error)}",
            "check the name, its config and split, and that the hub can be reached",
        ) from None
    files: Any = builder.config.data_files or {}
    versions = sorted((str(split), repr(files[split].origin_metadata)) for split in files)
    digest = hashlib.sha256(repr((builder.hash, versions)).encode()).digest()
    return shards, int.from_bytes(digest[:7])


def first_line(error: Exception) -> str:
    """Return the first line of an error message."""
    return str(error).strip().split("\n")[0] or type(error).__name__
