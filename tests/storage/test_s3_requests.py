import pytest

from lmkit.storage.s3_requests import attempt_of, s3_options


def test_the_attempt_is_read_from_the_header_of_botocore() -> None:
    assert attempt_of("attempt=1") == attempt_of("") == 1
    assert attempt_of("ttl=20261129T214500Z; attempt=4; max=6") == 4


def test_what_a_person_has_configured_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.config import conf

    monkeypatch.setitem(conf, "s3", {"config_kwargs": {"read_timeout": 9}})
    settings = s3_options(2)["config_kwargs"]
    assert settings["read_timeout"] == 9
    assert settings["retries"] == {"mode": "standard", "total_max_attempts": 3}
    monkeypatch.setitem(conf, "s3", {"config_kwargs": {"retries": {"max_attempts": 9}}})
    assert s3_options(2)["config_kwargs"]["retries"] == {"max_attempts": 9}
