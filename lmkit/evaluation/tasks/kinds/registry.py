"""The registry of the kinds of tasks, in the order in which a record's fields are compared."""

from lmkit.evaluation.tasks.kinds.completion import COMPLETION
from lmkit.evaluation.tasks.kinds.multiple_choice import CHOICE
from lmkit.evaluation.tasks.kinds.pair import PAIR
from lmkit.evaluation.tasks.kinds.schema import SCHEMA
from lmkit.evaluation.tasks.kinds.task_kind import TaskKind
from lmkit.evaluation.tasks.kinds.whole_text import TEXT
from lmkit.evaluation.tasks.record_fields import RecordFields

KINDS = (PAIR, CHOICE, SCHEMA, COMPLETION, TEXT)


def kind_of_record(fields: RecordFields) -> TaskKind:
    """Return the kind of task that a record belongs to. Raises InputError."""
    for kind in KINDS:
        if kind.matches(fields):
            return kind
    known = "; ".join(
        f"{kind.name}: {', '.join('|'.join(group) for group in kind.keys)}" for kind in KINDS
    )
    names = ", ".join(map(str, fields.values)) or "nothing"
    raise fields.wrong(f"holds {names[:200]}, must have the fields of a kind of task ({known})")


def kind_named(name: str) -> TaskKind | None:
    """Return the kind with a name, None if there is none."""
    return next((kind for kind in KINDS if kind.name == name), None)
