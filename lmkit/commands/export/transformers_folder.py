"""The files of a run's model in the format of Transformers.

Choices:
- A decoder's text begins with the BOS token of its documents, if any; an encoder's has BOS and EOS;
  an encoder-decoder's source has EOS, and its target begins with padding, as T5's.
- The tokenizer is exported unchanged. It is also loaded and compared: a special class that a
  library has under the same name could tokenize a text differently.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from lmkit.errors import LmkitError
from lmkit.execution.tables import printable
from lmkit.huggingface.family import Facts, Family
from lmkit.huggingface.parity_check import need_transformers
from lmkit.huggingface.weight_conversion import hf_weights
from lmkit.tokenizers import transformers_files
from lmkit.training.checkpoints.saved_weights import weights
from lmkit.training.checkpoints.trained_model import TOKENIZER, TrainedRun

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
GENERATION = "generation_config.json"
CHECKED_TEXTS = (
    "The cat sat on the mat.",
    " 42 caf\u00e9s\n\tdef f(x):",
    "\u65e5\u672c \U0001f600",
)


def files(trained: TrainedRun, family: Family) -> dict[str, bytes]:
    """Return all files except the weights, by name."""
    config, facts = trained.description.config, _facts(trained)
    tables: dict[str, Mapping[str, Any]] = {
        CONFIG: family.config_json(config, facts) | {"dtype": "float32"}
    }
    if config.architecture != "encoder":
        keys = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")
        tables[GENERATION] = {key: tables[CONFIG][key] for key in keys if key in tables[CONFIG]}
    texts = {name: json.dumps(table, indent=2) + "\n" for name, table in tables.items()}
    bos, eos = _bos_eos(trained)
    return {
        **{name: text.encode() for name, text in texts.items()},
        **transformers_files.exported(
            trained.run / TOKENIZER,
            bos,
            eos,
            trained.description.longest,
            trained.description.config.architecture,
        ),
    }


def save_weights(trained: TrainedRun, family: Family, path: Path) -> None:
    """Write the weights, in fp32."""
    lmkit_weights = {
        name: tensor.detach().float() for name, tensor in weights(trained.model).items()
    }
    converted = hf_weights(family, trained.description.config, lmkit_weights)
    path.touch()
    mode = path.stat().st_mode & 0o777
    save_file(converted, path, metadata={"format": "pt"})  # required by Transformers
    path.chmod(mode)  # save_file makes it readable only for its owner


def check_tokenizer(folder: Path, trained: TrainedRun) -> None:
    """Raise LmkitError where Transformers tokenizes a text differently."""
    library = need_transformers()
    try:
        converted = library.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # any kind, from values that its own files never have
        reason = printable(str(error).strip().split("\n")[0][:200])
        raise LmkitError(
            f"{trained.run / TOKENIZER}: Transformers cannot load it ({reason}): not exported",
            "compare its tokenizer_config.json with that of the tokenizer it was made from",
        ) from None
    bos, eos = ([] if token is None else [token] for token in _bos_eos(trained))
    for text in CHECKED_TEXTS:
        expected = [*bos, *trained.tokenizer.encode(text).tolist(), *eos]
        actual = converted(text)["input_ids"]
        if actual != expected:
            raise LmkitError(
                f"{trained.run / TOKENIZER}: Transformers tokenizes {text!r} as {actual}, and "
                f"lmkit as {expected}: not exported"
            )


def _facts(trained: TrainedRun) -> Facts:
    description, tokenizer = trained.description, trained.tokenizer
    is_encoder_decoder = description.config.architecture == "encoder-decoder"
    return Facts(
        vocabulary_size=description.vocabulary_size,
        sequence_length=description.sequence_length,
        pad=tokenizer.pad,
        bos=None if is_encoder_decoder else description.bos,
        eos=tokenizer.eos if is_encoder_decoder else description.eos,
    )


def _bos_eos(trained: TrainedRun) -> tuple[int | None, int | None]:
    """Return the tokens before and after a text that the model reads."""
    facts = _facts(trained)
    continues_text = trained.description.config.architecture == "decoder"
    return facts.bos, None if continues_text else facts.eos
