from lmkit.filters.rules import LanguageRule, Rule


def test_the_deciding_value_is_distinguished_from_the_limit() -> None:
    rule = Rule("g.max_x", "g.x", "g.x", True, 0.2)
    assert rule.decided(0.2000004) == "g.x 0.2000004 > 0.2"


def test_a_limit_that_is_off_is_never_broken() -> None:
    assert not Rule("g.max_x", "g.x", "g.x", True, None).breaks(1e9)


def test_all_languages_need_no_rule() -> None:
    assert not [*LanguageRule(("all",), 0.5).rules()]
    assert [rule.reason for rule in LanguageRule(("de",), 0.5).rules()] == ["language"]
