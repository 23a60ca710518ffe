from lmkit.commands.plan.proposal import Proposal, SizeRow
from tests.commands.plan.sample_plan import ROW


def proposal(row: SizeRow = ROW, *others: SizeRow, **changes: object) -> Proposal:
    values = {
        "chosen": row,
        "sizes": (row, *others),
        "objective": "clm",
        "architecture": "decoder",
        "data": "25 million tokens",
        "vocabulary": "8,192 entries",
        "repetition": None,
        "learning_rate": "0.001",
        "bits_per_byte": 1.6,
        "device": "cpu in bf16",
        "free_memory": None,
        "processes": 1,
        "cost": 1.5,
        "pilots": (),
        "earlier": (),
        "rests_on": ("a law",),
        "command": "lmkit pretrain",
    }
    return Proposal.model_validate(values | changes)


def test_the_text_has_the_interval_the_time_and_the_cost() -> None:
    text = proposal().shown()
    expected = "4.000 nats per token, with 90% between 3.900 and 4.100 (±2.5%); 1.600 bits per byte"
    assert expected in text
    assert "30 min, 11,000 tokens per second on cpu in bf16" in text
    assert "13,800,000 parameters, 23% of the vocabulary" in text
    assert text.splitlines()[-1] == "  lmkit pretrain"
    assert [line.split() for line in text.splitlines() if line.startswith("  cost")] == [
        ["cost", "1.50"]
    ]


def test_the_chosen_size_is_marked_among_the_others() -> None:
    other = ROW.model_copy(update={"layers": 7, "is_measured": False})
    lines = proposal(ROW, other).shown().splitlines()
    assert [line.split()[0] for line in lines if "measured" in line or "interpol" in line] == [
        *("*", "7")
    ]


def test_a_loss_that_is_not_known_is_not_shown() -> None:
    unknown = ROW.model_copy(update={"loss": None, "low": None, "high": None})
    assert "not predicted" in proposal(unknown, bits_per_byte=None).shown()


def test_what_is_stored_is_read_back() -> None:
    found = proposal()
    assert Proposal.parsed(found.model_dump_json().encode()) == found
