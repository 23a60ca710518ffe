from lmkit.diagnosis.finding import Finding


def test_findings_share_no_advice() -> None:
    first, second = Finding({"a": 1}), Finding({"b": 2})
    first.advice.append("change it")
    assert second.advice == []
