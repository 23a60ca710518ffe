from collections.abc import Callable

import pytest

from lmkit.deduplication.options import MatchOptions
from lmkit.deduplication.registry import MATCHERS, index_settings, matchers_of
from lmkit.errors import ConfigError


def options(**values: object) -> MatchOptions:
    return MatchOptions.model_validate(values)


def reasons(**values: object) -> list[str]:
    return [matcher.reason for matcher in matchers_of(options(**values))]


def test_the_options_choose_the_matchers_and_the_registry_their_order() -> None:
    everything = reasons(
        repeats={"lines": 5}, url="drop", decontamination={"against": ["eval.jsonl"]}
    )
    assert everything == ["contaminated", "url", "exact", "near", "inside"]
    assert reasons() == ["exact", "near"]
    assert reasons(minhash={"action": None}) == ["exact"]


def test_every_matcher_can_be_told_apart_by_its_reason_and_its_files() -> None:
    assert len({matcher.reason for matcher in MATCHERS}) == len(MATCHERS)
    on = options(repeats={"lines": 5}, url="drop", decontamination={"against": ["eval.jsonl"]})
    names = [name for each in matchers_of(on) for column in each.columns for name in column.files]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("make", "option"),
    [
        (lambda: options(url="drop", repeats={"lines": 5}), "--url"),
        (lambda: options(repeats={"lines": 5}), "--repeats"),
    ],
)
def test_an_index_is_refused_where_a_matcher_does_not_compare_full_documents(
    make: Callable[[], MatchOptions], option: str
) -> None:
    assert matchers_of(make())
    with pytest.raises(ConfigError, match=f"can't be used with {option}; run dedup twice"):
        matchers_of(make(), with_index=True)


def test_an_index_records_the_options_of_near_duplicates_or_that_there_are_none() -> None:
    assert index_settings(options(minhash={"threshold": 0.8})) == {
        "minhash.min_similarity": 0.8,
        "minhash.bands": 16,
        "minhash.rows": 7,
    }
    assert index_settings(options(minhash={"action": None})) == {"minhash.action": None}
