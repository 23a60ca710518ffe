from lmkit.commands.train_classifier.classifier_record import ClassifierRecord


def test_what_was_recorded_is_read_back_in_its_order() -> None:
    details = {
        "documents": 4,
        "auc": 0.75,
        "trained_on": {"good": 1, "ordinary": 1},
        "held_out": {"good": 1, "ordinary": 1},
        "thresholds": [{"score": 0.5, "good_kept": 1.0, "ordinary_kept": 0.0}],
    }
    record = ClassifierRecord.model_validate(details)
    assert record.thresholds[0].good_kept == 1
    assert [*record.recorded().items()] == [*details.items()]
