"""Whether an exported folder, loaded by Transformers, has the logits of lmkit's model.

Choices:
- Compared are full sequences, sequences that end in padding, and, since lmkit trains that way,
  several documents in one sequence with each of them alone in Transformers.
- Ids are sampled from the full vocabulary: a misplaced row of the embedding is noticed. Only where
  positions are counted from the id of padding, as in RoBERTa, is that id left out.
- Both compute in fp32 on the CPU. The limit is 2e-5 of the largest logit, and at least 2e-5:
  another order of summation differs by much less, another formula (an exact GELU for a tanh) by
  more.

Shapes: B batch, T time, S source positions, V vocabulary.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lmkit.errors import ConfigError, LmkitError
from lmkit.extras import installation
from lmkit.huggingface.family import Family
from lmkit.model.transformer import Transformer

TOLERANCE = 2e-5
MAX_LENGTH = 512
DOCUMENT_FRACTIONS = (0.5, 0.3, 0.2)
"""Fractions of a sequence that three documents take."""
TEXT_FRACTION = 0.6
"""Fraction of a padded sequence that is text."""


@dataclass(frozen=True)
class ParityResult:
    """The difference between two models' logits."""

    difference: float
    """Largest absolute difference."""
    largest: float
    """Largest absolute logit."""

    @property
    def limit(self) -> float:
        """Maximum difference."""
        return TOLERANCE * max(1.0, self.largest)


def need_transformers() -> Any:
    """Return the library, with its output silenced; ConfigError where it isn't installed."""
    try:
        import transformers
    except ImportError:
        raise ConfigError(
            "export: an exported model is compared in Transformers, and transformers is not "
            "installed",
            installation("transformers"),
        ) from None
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


@torch.no_grad()
def check(
    model: Transformer, folder: Path, family: Family, pad: int, max_length: int
) -> ParityResult:
    """Load a folder with Transformers, and compare; LmkitError where logits differ.

    Args:
        model: lmkit's model, on the CPU.
        folder: the exported folder.
        family: what it was exported as.
        pad: id of padding.
        max_length: length of training sequences.

    """
    library = need_transformers()
    hf_model, loaded = getattr(library, family.auto).from_pretrained(
        folder, dtype=torch.float32, local_files_only=True, output_loading_info=True
    )
    problems = {key: names for key, names in loaded.items() if names}
    if type(hf_model).__name__ != family.architecture or problems:
        raise LmkitError(
            f"{family.auto} loads it as {type(hf_model).__name__} with "
            f"{problems or 'no problems'}, instead of {family.architecture} without any: not "
            "exported",
            f"this is transformers {library.__version__}; lmkit was tested with 5.24",
        )
    time = min(max_length, MAX_LENGTH)
    difference = largest = 0.0
    for lmkit_NV, hf_NV in _logit_pairs(model.eval(), hf_model.eval(), time, pad):
        largest_here = (lmkit_NV - hf_NV).abs().max().item()
        # Not max(), which may drop a NaN.
        difference = difference if largest_here <= difference else largest_here
        largest = max(largest, hf_NV.abs().max().item())
    parity = ParityResult(difference, largest)
    if not difference <= parity.limit:  # NaN isn't, either
        raise LmkitError(
            f"its logits in Transformers differ by up to {difference:.3g}, and the limit is "
            f"{parity.limit:.3g}: not exported",
            f"this is transformers {library.__version__}; lmkit was tested with 5.24",
        )
    return parity


def _logit_pairs(
    model: Transformer, hf_model: Any, time: int, pad: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield logits of both models, at the same positions."""
    tokens_BT = _random_ids(model, time, seed=1)
    if model.config.first_position:
        tokens_BT = tokens_BT.masked_fill(tokens_BT == pad, (pad + 1) % model.vocabulary_size)
    source_BS = _random_ids(model, time, seed=2) if model.encoder else None
    positions_BT = torch.arange(time).expand_as(tokens_BT)
    lmkit_BTV = _lmkit_logits(model, tokens_BT, source_BS, positions_BT, None)
    yield lmkit_BTV, _hf_logits(hf_model, tokens_BT, source_BS, None)

    is_text_BT = torch.ones_like(tokens_BT, dtype=torch.bool)
    is_text_BT[1, max(1, round(time * TEXT_FRACTION)) :] = False
    padded_BS = None if source_BS is None else source_BS.masked_fill(~is_text_BT, pad)
    padded_BT = tokens_BT.masked_fill(~is_text_BT, pad)
    lmkit_BTV = _lmkit_logits(model, padded_BT, padded_BS, positions_BT, is_text_BT.int())
    yield (
        lmkit_BTV[is_text_BT],
        _hf_logits(hf_model, padded_BT, padded_BS, is_text_BT.long())[is_text_BT],
    )

    lengths = [length for part in DOCUMENT_FRACTIONS if (length := int(time * part))] or [time]
    first_sequence, used = slice(0, 1), sum(lengths)
    numbers_T = torch.arange(1, len(lengths) + 1).repeat_interleave(torch.tensor(lengths))
    positions_T = torch.cat([torch.arange(length) for length in lengths])
    tokens_1T = tokens_BT[first_sequence, :used]
    source_1S = None if source_BS is None else source_BS[first_sequence, :used]
    lmkit_1TV = _lmkit_logits(model, tokens_1T, source_1S, positions_T[None], numbers_T[None])
    for number in range(1, len(lengths) + 1):
        in_document_T = numbers_T == number
        source = None if source_1S is None else source_1S[:, in_document_T]
        yield (
            lmkit_1TV[:, in_document_T],
            _hf_logits(hf_model, tokens_1T[:, in_document_T], source, None),
        )


def _lmkit_logits(
    model: Transformer,
    tokens_BT: Tensor,
    source_BS: Tensor | None,
    positions_BT: Tensor,
    documents_BT: Tensor | None,
) -> Tensor:
    """Return lmkit's logits; a source has the same documents as its target."""
    if source_BS is None:
        return model(tokens_BT, positions_BT, documents_BT)
    return model(
        tokens_BT,
        positions_BT,
        documents_BT,
        source_tokens_BS=source_BS,
        source_positions_BS=positions_BT,
        source_documents_BS=documents_BT,
    )


def _hf_logits(
    model: Any, tokens_BT: Tensor, source_BS: Tensor | None, mask_BT: Tensor | None
) -> Tensor:
    if source_BS is None:
        return model(tokens_BT, attention_mask=mask_BT).logits
    return model(source_BS, attention_mask=mask_BT, decoder_input_ids=tokens_BT).logits


def _random_ids(model: Transformer, time: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, model.vocabulary_size, (2, time), generator=generator)
