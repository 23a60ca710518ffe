from lmkit.evaluation.tasks.kinds.registry import KINDS
from lmkit.evaluation.tasks.styles.registry import STYLES


def test_the_first_score_of_a_kind_is_its_main_one_in_every_style() -> None:
    mains = {kind.name: next(iter(kind.measures)) for kind in KINDS}
    for style in STYLES.values():
        for kind, measures in (style.measures or {}).items():
            assert next(iter(measures)) == mains[kind]
