"""A proposed run, without any measurement."""

from lmkit.commands.plan.proposal import SizeRow

ROW = SizeRow(
    layers=6,
    hidden_size=384,
    heads=6,
    parameters=13_800_000,
    vocabulary_parameters=3_145_728,
    steps=2_000,
    batch_tokens=10_000,
    tokens=20_000_000,
    epochs=0.8,
    loss=4.0,
    low=3.9,
    high=4.1,
    pauses=10,
    seconds=1_800.0,
    memory=2_000_000_000,
    tokens_per_second=11_000.0,
    flops=1.8e15,
    is_measured=True,
)
