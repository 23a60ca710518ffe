"""The files of a run's model, as Transformers reads them.

Choices:
- A decoder's text begins with what its documents began with; an encoder's is begun and ended; an
  encoder-decoder's source is ended, and its target begins with padding, as T5's.
- The tokenizer goes out as it stands. It is loaded and asked, too: a class of its own that a
  library knows under the same name could read a text in another way.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from lmkit.errors import LmkitError
from lmkit.huggingface import registry as families
from lmkit.huggingface.family import Facts, Family
from lmkit.huggingface.parity_check import need_transformers
from lmkit.tokenizers import transformers_files as exported
from lmkit.training.checkpoints.save_load import weights
from lmkit.training.checkpoints.trained_model import TOKENIZER, TrainedModel

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
GENERATION = "generation_config.json"
ASKED = ("The cat sat on the mat.", " 42 caf\u00e9s\n\tdef f(x):", "\u65e5\u672c \U0001f600")


def files(trained: TrainedModel, family: Family) -> dict[str, bytes]:
    """Return all that stands beside the weights, by name."""
    config, facts = trained.description.config, _facts(trained)
    tables: dict[str, Mapping[str, Any]] = {
        CONFIG: family.config_json(config, facts) | {"dtype": "float32"}
    }
    if config.architecture != "encoder":
        keys = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")
        tables[GENERATION] = {key: tables[CONFIG][key] for key in keys if key in tables[CONFIG]}
    texts = {name: json.dumps(table, indent=2) + "\n" for name, table in tables.items()}
    begin, end = _around(trained)
    return {
        **{name: text.encode() for name, text in texts.items()},
        **exported.exported(trained.run / TOKENIZER, begin, end, trained.description.longest),
    }


def save_weights(trained: TrainedModel, family: Family, path: Path) -> None:
    """Write the weights, in fp32."""
    own = {name: tensor.detach().float() for name, tensor in weights(trained.model).items()}
    theirs = families.exported(family, trained.description.config, own)
    path.touch()
    mode = path.stat().st_mode & 0o777
    save_file(theirs, path, metadata={"format": "pt"})  # which Transformers asks for
    path.chmod(mode)  # it is written for its owner alone


def check_tokenizer(folder: Path, trained: TrainedModel) -> None:
    """Raise LmkitError where Transformers reads a text in another way."""
    theirs = need_transformers().AutoTokenizer.from_pretrained(folder, local_files_only=True)
    begin, end = ([] if token is None else [token] for token in _around(trained))
    for text in ASKED:
        expected = [*begin, *trained.tokenizer.encode(text).tolist(), *end]
        got = theirs(text)["input_ids"]
        if got != expected:
            raise LmkitError(
                f"{trained.run / TOKENIZER}: Transformers reads {text!r} as {got}, and lmkit as "
                f"{expected}: not exported"
            )


def _facts(trained: TrainedModel) -> Facts:
    described, tokenizer = trained.description, trained.tokenizer
    crosses = described.config.architecture == "encoder-decoder"
    return Facts(
        vocabulary_size=described.vocabulary_size,
        sequence_length=described.sequence_length,
        pad=tokenizer.pad,
        bos=None if crosses else described.bos,
        eos=tokenizer.eos if crosses else described.eos,
    )


def _around(trained: TrainedModel) -> tuple[int | None, int | None]:
    """Return the tokens before and behind what the model is to read."""
    facts = _facts(trained)
    goes_on = trained.description.config.architecture == "decoder"
    return facts.bos, None if goes_on else facts.eos
