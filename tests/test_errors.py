import pickle

from lmkit.errors import ConfigError, InputError, Interrupted, LmkitError, OutputError


def test_an_error_keeps_its_hint_on_the_way_back_from_a_worker() -> None:
    error = pickle.loads(pickle.dumps(ConfigError("wrong", "do this")))
    assert isinstance(error, ConfigError)
    assert (str(error), error.hint) == ("wrong", "do this")


def test_a_bad_request_and_failed_work_have_different_exit_codes() -> None:
    assert {kind.exit_code for kind in (ConfigError, InputError, OutputError)} == {2}
    assert (LmkitError.exit_code, Interrupted.exit_code) == (1, 130)
