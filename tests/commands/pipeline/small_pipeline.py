"""A pipeline of small stages, over the texts of Python's manual."""

from pathlib import Path
from pydoc_data.topics import topics

STAGES = """
[[stage]]
command = "clean"
inputs = ["raw"]
output = "work/clean"
filters.min_characters = 30

[[stage]]
command = "dedup"
inputs = ["work/clean"]
output = "work/dedup"

[[stage]]
name = "vocabulary"
command = "train-tokenizer"
inputs = ["work/dedup"]
output = "work/tokenizer"
vocab_size = 700

[[stage]]
command = "pack"
inputs = ["work/dedup"]
tokenizer = "work/tokenizer"
output = "work/packed"
sequence_length = 64
"""


def write_pipeline(folder: Path, stages: str = STAGES) -> Path:
    """Write raw texts, and the file of a pipeline; return the file."""
    (folder / "raw").mkdir(parents=True, exist_ok=True)
    for name in sorted(topics)[:8]:
        (folder / "raw" / f"{name}.txt").write_text(topics[name])
    (folder / "pipeline.toml").write_text(stages)
    return folder / "pipeline.toml"
