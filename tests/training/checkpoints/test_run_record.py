from pathlib import Path

from lmkit.artifacts.manifest import MANIFEST, Manifest, read
from lmkit.training.checkpoints.run_record import FolderReads, RunRecord


def test_a_record_is_what_the_manifest_of_a_run_holds(trained: Path) -> None:
    manifest = read(Manifest, trained / MANIFEST)
    assert manifest is not None
    record = RunRecord.from_manifest(manifest, Path("run"))
    assert record.recorded() == manifest.details
    assert record.mixture[0].rows_read > 0 and record.precision == "fp32"


def test_what_was_not_measured_is_null_and_what_was_not_asked_is_absent() -> None:
    reads = FolderReads(folder="a", share_of_tokens=1.0, rows=2, rows_read=3, epochs=1.5)
    record = RunRecord(
        parameters=1,
        loss=None,
        validation_loss=None,
        device="cpu",
        precision="fp32",
        processes=1,
        mixture=(reads,),
    )
    details = record.recorded()
    assert details["loss"] is None and "skipped_steps" not in details
    assert "validation_loss" not in details["mixture"][0]
    assert RunRecord.model_validate({**details, "of_a_later_version": 1}) == record
