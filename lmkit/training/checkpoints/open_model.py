"""The model that RUN names: of a run, of a checkpoint, or of a Transformers folder.

Choices:
- A Transformers folder is read as it is: nothing is downloaded, none of its code is run, and
  Transformers isn't needed.
- Its family decides what the model predicts: a decoder the next token, BERT masked tokens, XLNet
  tokens in a random order, T5 masked spans. A T5 without sentinels whose tokenizer has a mask was
  trained in BART's style.
- It is scored and generates with its full context; documents are divided into sequences of at most
  8,192 tokens.
- Its weights go to the device one after the other, in fp32.
"""

from pathlib import Path

import torch

from lmkit.artifacts.inputs import Inputs, folder_input
from lmkit.artifacts.manifest import Input
from lmkit.errors import InputError
from lmkit.huggingface.checkpoint import CONFIG, HfCheckpoint, is_hf_folder
from lmkit.huggingface.folder_tokenizer import FolderTokenizer, tokenizer_file
from lmkit.huggingface.load import QUERY_VECTOR, weights_of
from lmkit.model.empty_weights import with_empty_weights
from lmkit.model.transformer import Transformer
from lmkit.storage.atomic_files import sha256
from lmkit.tokenizers.tokenizer import FILES
from lmkit.training.checkpoints.layout import MODEL
from lmkit.training.checkpoints.saved_weights import weights
from lmkit.training.checkpoints.trained_model import (
    Description,
    TrainedModel,
    find_run,
    open_run,
)

LONGEST_SEQUENCE = 8_192
HINT = (
    "give a folder made by lmkit pretrain, or a Transformers folder (config.json, "
    "model.safetensors, tokenizer.json)"
)


class FolderDescription(Description):
    """The description of a Transformers folder, which has no model.json."""

    context: int

    @property
    def longest(self) -> int:
        """Most tokens that the model reads at once."""
        return self.context


def find_model(path: Path) -> Path:
    """Return the checkpoint of a run, or the Transformers folder. Raises InputError for neither."""
    if is_hf_folder(path):
        HfCheckpoint.at(path).files  # noqa: B018 (raises what is wrong with it)
        tokenizer_file(path)
        return path if path.name else path.resolve()
    _refuse_missing(path)
    return find_run(path, HINT)[1]


def model_input(found: Path) -> Inputs:
    """Return a model as an input for the manifest: the SHA-256s of all files that decide scores."""
    if not is_hf_folder(found):
        return folder_input(found, "model", sha256(found / MODEL))
    settings = [found / name for name in (CONFIG, *FILES) if (found / name).is_file()]
    files = [*HfCheckpoint.at(found).files, *settings]
    record = Input(str(found), "model", 0, sha256=tuple(map(sha256, files)))
    return Inputs((str(found),), (record,), (), {})


def open_model(path: Path, device: torch.device) -> TrainedModel:
    """Load the model of a run, of one of its checkpoints, or of a Transformers folder.

    Raises InputError for a folder that is neither, or whose parts don't belong together.
    """
    if is_hf_folder(path):
        return _open_folder(HfCheckpoint.at(path), device)
    _refuse_missing(path)
    return open_run(path, device, HINT)


def _refuse_missing(path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path}: no such folder", f"{HINT}; models of the Hub aren't downloaded")


def _open_folder(checkpoint: HfCheckpoint, device: torch.device) -> TrainedModel:
    texts = FolderTokenizer.of(checkpoint)
    description = _description(checkpoint, texts)
    with torch.device("meta"):
        model = Transformer(checkpoint.config, checkpoint.vocabulary_size)
    with_empty_weights(model, device)
    _load_weights(checkpoint, model)
    return TrainedModel(model.eval(), texts.tokenizer, description)


def _description(checkpoint: HfCheckpoint, texts: FolderTokenizer) -> FolderDescription:
    objective, options = checkpoint.family.objective, dict[str, object]()
    tokenizer = texts.tokenizer
    if objective == "span-corruption" and not tokenizer.sentinels:
        if tokenizer.mask is None:
            raise InputError(
                f"{checkpoint.folder}: its tokenizer has no sentinels (<extra_id_0>, "
                "<extra_id_1>, ...) and no mask, so a masked span can't be written",
                "give a model with the tokenizer that it was trained with",
            )
        options = {"span": {"style": "bart"}}
    return FolderDescription(
        model=checkpoint.config.model_dump(mode="json"),
        vocabulary_size=checkpoint.vocabulary_size,
        sequence_length=min(texts.context, LONGEST_SEQUENCE),
        objective=objective,
        objective_options=options,
        tokenizer=tokenizer.fingerprint,
        bos=texts.bos,
        eos=texts.eos,
        context=texts.context,
    )


def _load_weights(checkpoint: HfCheckpoint, model: Transformer) -> None:
    """Copy the weights of a folder into a model without values."""
    missing = weights(model)
    with torch.no_grad():
        for name, tensor in weights_of(checkpoint):
            missing.pop(name).copy_(tensor)
        assert missing.keys() <= {QUERY_VECTOR}, missing.keys()
        if missing and checkpoint.family.objective == "plm":
            raise InputError(
                f"{checkpoint.folder}: has no transformer.mask_emb, from which XLNet predicts",
                "copy the folder again from where it came from",
            )
        for tensor in missing.values():
            tensor.zero_()  # it has no effect, but a NaN would
