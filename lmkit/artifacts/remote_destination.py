"""An output folder in an object store.

    s3://bucket/clean/.lease               one run at a time (`lease.py`)
    s3://bucket/clean/.partial/plan.json   the plan of the run in progress
    s3://bucket/clean/documents-…          files of finished tasks
    s3://bucket/clean/manifest.json        the folder is complete

Choices:
- A run works in a folder on a disk, whose name follows from the URL: the same command finds it, and
  resumes. Receipts and scratch files never leave it. A task uploads what it has finished.
- What is there is asked for once, with one listing: whether the folder is up to date, foreign, or
  made otherwise, and which files a run that was killed has uploaded. A second listing, before the
  manifest is written, shows that every file is there: its size, and its MD5 where the store has
  that as the ETag. A file with another ETag is read back and compared by its SHA-256 (a store that
  encrypts with keys of its own has ETags that are no MD5).
- The manifest is uploaded last, and deleted first where a folder is made again.
- The scratch folder of another machine isn't here: the tasks are done again, and write the same.
"""

import re
import shutil
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from os import getpid
from pathlib import Path

from lmkit.artifacts.destination import PLAN
from lmkit.artifacts.existing_folder import LEASES, matches, other_files
from lmkit.artifacts.input_lists.streamed_inputs import LIST_NAME, remove_other_lists
from lmkit.artifacts.lease import LEASE, Lease, held_lease
from lmkit.artifacts.lock import LOCK, folder_lock
from lmkit.artifacts.manifest import MANIFEST, Manifest, Output, Plan, RecordT, read
from lmkit.artifacts.tasks import PARTIAL, Receipt
from lmkit.artifacts.upload import Upload, process_number
from lmkit.errors import LmkitError, OutputError
from lmkit.execution.progress import log_message, progress
from lmkit.storage.atomic_files import remove_leftovers
from lmkit.storage.object_store import ObjectStore, StoredFile
from lmkit.storage.request_retries import COUNTS


class RemoteDestination:
    """A folder at a URL, and the folder on a disk in which a run works."""

    def __init__(self, store: ObjectStore, scratch: Path, *, keeps: bool) -> None:
        """Take the folder for the work of all such runs; `keeps` is what `Upload` has."""
        self.shown = store.url
        self.folder = scratch / folder_name(store.url)
        self.upload: Upload | None = Upload(store, keeps)
        self._store = store
        self._scratch = self.folder / PARTIAL
        self._files: dict[str, StoredFile] | None = None
        self._read: dict[str, bytes | None] = {}
        self._lease: Lease | None = None
        self._earlier = COUNTS.copy()

    @property
    def _listed(self) -> dict[str, StoredFile]:
        if self._files is None:
            self._store.connect()
            try:
                self._files = self._store.listing()
            except LmkitError as error:
                raise OutputError(
                    f"--output: {error.message}",
                    "check the URL, the credentials and the address of the server "
                    "(AWS_ENDPOINT_URL)",
                ) from None
        return self._files

    def exists(self) -> bool:
        """Return whether anything is there. Raises OutputError if it can't be listed."""
        return bool(self._listed)

    def record(self, cls: type[RecordT], name: str) -> RecordT | None:
        """Return the record in a file, None if it is missing. Raises LmkitError if damaged."""
        if name not in self._listed:
            return None
        if name not in self._read:
            self._read[name] = self._store.read(name)
        data = self._read[name]
        try:
            folder = self._store.url_of(name).rpartition("/")[0]
            return None if data is None else cls.parsed(data).located(folder)
        except ValueError:
            raise LmkitError(f"{self._store.url_of(name)}: damaged") from None

    def other_files(self, patterns: Sequence[str], *, known: bool) -> list[str]:
        """List the files that a stage didn't write."""
        own = (*patterns, MANIFEST, PLAN, LIST_NAME) if known else ()
        own += (f"{re.escape(PARTIAL)}/{LIST_NAME}",)  # killed before its plan was uploaded
        return [name for name in sorted(self._listed) if not matches(name, (*LEASES, *own))]

    def holds(self, output: Output, *, hashes: bool) -> bool:
        """Return whether a file is as it was written."""
        found = self._listed.get(output.name)
        if found is None or found.size != output.bytes:
            return False
        return not hashes or self._store.sha256(output.name) == output.sha256

    @contextmanager
    def lock(self) -> Generator[None]:
        """Let no other run write, here or there."""
        self._store.connect()
        with held_lease(StoredLease(self._store), self.shown) as lease:
            self.folder.mkdir(parents=True, exist_ok=True)
            with folder_lock(self.folder, "--scratch"):
                self._lease = lease
                self._forget_what_has_changed()
                yield

    def _forget_what_has_changed(self) -> None:
        """List again if another run has begun or finished before this one had the lease."""
        for name in (MANIFEST, PLAN):
            if self._store.read(name) != self._read.get(name):
                self._files, self._read = None, {}
                return

    def begin(self, plan: Plan, patterns: Sequence[str], *, overwrite: bool) -> None:
        """Write the plan, and keep the results of tasks that were done with it."""
        before = self._read.get(PLAN)
        path = self.folder / PLAN
        resumes = not overwrite and before is not None and path.exists()
        if not resumes or path.read_bytes() != before:
            self._empty(patterns)
        self._scratch.mkdir(parents=True, exist_ok=True)
        remove_leftovers(self._scratch)
        self._drop_receipts_of_missing_files()
        self._upload_record(plan, PLAN)
        if MANIFEST in self._listed:
            self._store.remove(MANIFEST)

    def _empty(self, patterns: Sequence[str]) -> None:
        """Delete what a run with another plan has left in the folder on the disk."""
        if others := other_files(self.folder, patterns, known=True):
            raise OutputError(
                f"--scratch: {self.folder} holds files that lmkit did not write ({others[0]})",
                "move them away, or choose another --scratch",
            )
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != LOCK:
                path.unlink()

    def _drop_receipts_of_missing_files(self) -> None:
        for path in self._scratch.glob("*-[0-9]*.json"):
            with suppress(LmkitError):  # a damaged receipt is none
                receipt = read(Receipt, path)
                if receipt and not all(self.holds(o, hashes=False) for o in receipt.outputs):
                    path.unlink()

    def publish(
        self, manifest: Manifest, receipts: Sequence[Receipt], is_stale: Callable[[str], bool]
    ) -> None:
        """Delete the files that are stale, upload the manifest last, and delete scratch files."""
        assert self._lease, "it is locked"
        with progress("checking what was uploaded", None):
            self._files = self._store.listing()
            self._check_uploads(manifest.outputs, receipts)
        for name in self._files:
            if is_stale(name):
                self._store.remove(name)
        self._upload_record(manifest, MANIFEST)
        self._remove_plan()
        shutil.rmtree(self.folder)
        self._report_requests(receipts)

    def _upload_record(self, record: Plan, name: str) -> None:
        """Write a record here and upload it, after the list that it refers to."""
        paths = record.write(self.folder / name, self._scratch)
        if name == PLAN:
            remove_other_lists(self._scratch, paths)
        if name == MANIFEST and self._lease:
            self._lease.check()
        for path in paths:
            self._store.put(path, path.relative_to(self.folder).as_posix())

    def _remove_plan(self) -> None:
        self._store.remove(PLAN)
        for name in self._listed:
            if matches(name, [f"{re.escape(PARTIAL)}/{LIST_NAME}"]):
                self._store.remove(name)

    def _check_uploads(self, outputs: Sequence[Output], receipts: Sequence[Receipt]) -> None:
        """Raise LmkitError if the store doesn't have a file as it was written."""
        digests: dict[str, str] = {}
        for receipt in receipts:
            digests |= receipt.uploaded.md5 if receipt.uploaded else {}
        for output in outputs:
            url = self._store.url_of(output.name)
            if not self.holds(output, hashes=False):
                found = self._listed.get(output.name)
                size = "is missing" if found is None else f"has {found.size:,} bytes"
                raise LmkitError(
                    f"{url}: {size}, and {output.bytes:,} were uploaded",
                    "something else has changed it: run the same again, which uploads it again",
                )
            md5 = self._listed[output.name].md5
            if md5 and md5 != digests.get(output.name) and not self.holds(output, hashes=True):
                self._store.remove(output.name)
                raise LmkitError(
                    f"{url}: isn't what was uploaded (SHA-256), and is deleted",
                    "something else has changed it: run the same again, which uploads it again",
                )

    def _report_requests(self, receipts: Sequence[Receipt]) -> None:
        here, counts = process_number(getpid()), COUNTS.since(self._earlier)
        elsewhere = [
            receipt.uploaded
            for receipt in receipts
            if receipt.uploaded and receipt.uploaded.process != here
        ]
        sent = counts.sent + sum(each.sent for each in elsewhere)
        repeated = counts.repeated + sum(each.repeated for each in elsewhere)
        again = f", {repeated:,} of them again after the store was busy" if repeated else ""
        log_message(f"{self.shown}: {sent:,} requests{again}")

    def sweep(self) -> None:
        """Remove what a run that was killed after uploading its manifest has left."""
        if self.folder.exists() or self._listed.keys() & {PLAN, LEASE}:
            with suppress(LmkitError), self.lock():  # unless another run holds it
                self._remove_plan()
                shutil.rmtree(self.folder, ignore_errors=True)


class StoredLease:
    """The lease of a folder in a store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def read(self) -> bytes | None:
        """Return its content, None if there is none."""
        return self._store.read(LEASE)

    def create(self, data: bytes) -> None:
        """Write it, unless there is one."""
        self._store.create(LEASE, data)

    def replace(self, data: bytes) -> None:
        """Write it, in place of the one that is there."""
        self._store.write(LEASE, data)

    def remove(self) -> None:
        """Delete it, if it is there."""
        self._store.remove(LEASE)


def folder_name(url: str) -> str:
    """Return the name of the folder on a disk in which the run for a URL works.

    >>> folder_name("s3://bucket/clean")
    'clean-57e7b28c3aad8684'
    """
    return f"{url.rpartition('/')[2]}-{sha256(url.encode()).hexdigest()[:16]}"
