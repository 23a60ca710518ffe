"""A vector for each text, from the hidden states of a model.

Choices:
- The hidden states after the last block and its norm, before the head and the output matrix: what
  Transformers calls `last_hidden_state`. Of an encoder-decoder those of its encoder.
- A text is read as in training: between BOS and EOS by an encoder, after BOS by a decoder, before
  EOS by an encoder-decoder, as the exported tokenizer does.
- A text that is too long is cut at its end, as Transformers truncates, and that is reported.
- Texts of about the same length are computed together. It changes no vector beyond rounding.

Shapes: N texts, B batch, T time, D hidden size.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from lmkit.errors import ConfigError, InputError
from lmkit.execution.progress import warn
from lmkit.model.eval_mode import eval_mode
from lmkit.model.transformer import Transformer
from lmkit.objectives.objective import Packing
from lmkit.tokenizers.tokenizer import Tokenizer

Pooling = Literal["mean", "last", "cls"]
POOLINGS: tuple[Pooling, ...] = ("mean", "last", "cls")
MICRO_BATCH_TOKENS = 8_192


def embed_texts(
    model: Transformer,
    tokenizer: Tokenizer,
    packing: Packing,
    longest: int,
    texts: Sequence[str],
    pooling: Pooling,
) -> Tensor:
    """Return x_ND in fp32 on the CPU. Raises ConfigError, and InputError for a text without tokens.

    Args:
        model: of any architecture.
        tokenizer: of the model.
        packing: of its training documents.
        longest: most tokens that it reads at once.
        texts: N texts.
        pooling: `mean` over all tokens, with the special ones around the text; the `last` token,
            which alone has seen the whole text in a decoder; or the first one, `cls`, which BERT's
            fine-tuning reads.

    """
    if pooling not in POOLINGS:
        raise ConfigError(f"pooling: got {pooling!r}, must be {', '.join(POOLINGS)}")
    begin, end = _around(model, tokenizer, packing)
    if pooling == "cls" and not begin:
        raise ConfigError(
            "pooling: got 'cls', and the model's texts begin with no special token",
            "choose mean or last",
        )
    ids = _ids(tokenizer, texts, begin, end, longest)
    vectors_ND = torch.zeros(len(texts), model.config.hidden_size)
    order = sorted(range(len(ids)), key=lambda number: -len(ids[number]))
    with eval_mode(model):
        while order:
            count = max(1, MICRO_BATCH_TOKENS // len(ids[order[0]]))
            batch, order = order[:count], order[count:]
            vectors_ND[batch] = _vectors(model, [ids[number] for number in batch], pooling)
    return vectors_ND


def _around(
    model: Transformer, tokenizer: Tokenizer, packing: Packing
) -> tuple[list[int], list[int]]:
    """Return the tokens before and after a text."""
    bos, eos = {
        "encoder": (packing.bos, packing.eos),
        "decoder": (packing.bos, None),
        "encoder-decoder": (None, tokenizer.eos),
    }[model.config.architecture]
    return [bos] if bos is not None else [], [eos] if eos is not None else []


def _ids(
    tokenizer: Tokenizer, texts: Sequence[str], begin: list[int], end: list[int], longest: int
) -> list[list[int]]:
    room = longest - len(begin) - len(end)
    encoded = [ids.tolist() for ids in tokenizer.encode_batch(list(texts))]
    if cut := sum(len(ids) > room for ids in encoded):
        warn(f"{cut:,} of {len(texts):,} texts are longer than {longest:,} tokens: they are cut")
    found = [[*begin, *ids[:room], *end] for ids in encoded]
    for number, ids in enumerate(found):
        if not ids:
            raise InputError(f"texts[{number}]: has no tokens")
    return found


def _vectors(model: Transformer, ids: list[list[int]], pooling: Pooling) -> Tensor:
    lengths_B = torch.tensor([len(each) for each in ids])
    time = int(lengths_B.max())
    tokens_BT = torch.tensor([[*each, *[0] * (time - len(each))] for each in ids])
    is_text_BT = torch.arange(time)[None] < lengths_B[:, None]
    device = model.embedding.weight.device
    positions_BT = (torch.arange(time) * is_text_BT).to(device)
    documents_BT = is_text_BT.int().to(device)
    if model.encoder is None:
        x_BTD = model.features(tokens_BT.to(device), positions_BT, documents_BT)
    else:
        x_BTD = model.encode(tokens_BT.to(device), positions_BT, documents_BT)[0]
    x_BTD = x_BTD.float().cpu()
    if pooling == "cls":
        return x_BTD[:, 0]
    if pooling == "last":
        return x_BTD[torch.arange(len(ids)), lengths_B - 1]
    return (x_BTD * is_text_BT[..., None]).sum(1) / lengths_B[:, None]
