"""Whether an exported folder, loaded by Transformers, says what our model says.

Choices:
- Asked are whole rows, rows that end in padding, and, since that is how ours are trained, several
  documents in one row against each of them alone over there.
- Ids are drawn from the whole vocabulary: a row of the embedding that went astray shows.
- Both compute in fp32 on the CPU. The limit is 2e-5 of the largest logit, and at least 2e-5: other
  orders of summing stay well below it, another formula (an exact GELU for a tanh) doesn't.

Shapes: B batch, T time, S places of the source, V vocabulary.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lmkit.errors import ConfigError, LmkitError
from lmkit.huggingface.family import Family
from lmkit.model.transformer import Transformer

TOLERANCE = 2e-5
LONGEST = 512
DOCUMENTS = (0.5, 0.3, 0.2)
"""Shares of a row that three documents take."""
PADDED = 0.6
"""Share of a padded row that is text."""


@dataclass(frozen=True)
class Agreement:
    """How near two models' logits are."""

    difference: float
    """Largest, in absolute value."""
    largest: float
    """Logit, in absolute value."""

    @property
    def limit(self) -> float:
        """What the difference may be at most."""
        return TOLERANCE * max(1.0, self.largest)


def need_transformers() -> Any:
    """Return the library, made quiet; ConfigError where it isn't installed."""
    try:
        import transformers
    except ImportError:
        raise ConfigError(
            "export: a model is compared with what Transformers makes of it, and transformers is "
            "not installed",
            'pip install "lmkit[transformers]"',
        ) from None
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


@torch.no_grad()
def check(model: Transformer, folder: Path, family: Family, pad: int, longest: int) -> Agreement:
    """Load a folder with Transformers, and compare; LmkitError where they don't agree.

    Args:
        model: ours, on the CPU.
        folder: theirs.
        family: what it was exported as.
        pad: id of padding.
        longest: tokens in a row of training.

    """
    library = need_transformers()
    theirs, loaded = getattr(library, family.auto).from_pretrained(
        folder, dtype=torch.float32, local_files_only=True, output_loading_info=True
    )
    astray = {key: names for key, names in loaded.items() if names}
    if type(theirs).__name__ != family.architecture or astray:
        raise LmkitError(
            f"{family.auto} makes a {type(theirs).__name__} of it, {astray or 'whole'}, "
            f"instead of a whole {family.architecture}: not exported",
            f"this is transformers {library.__version__}; lmkit was tested with 5.23",
        )
    time = min(longest, LONGEST)
    difference = largest = 0.0
    for ours_NV, theirs_NV in _answers(model.eval(), theirs.eval(), time, pad):
        apart = (ours_NV - theirs_NV).abs().max().item()
        # Not max(): a NaN must not be passed over.
        difference = difference if apart <= difference else apart
        largest = max(largest, theirs_NV.abs().max().item())
    agreement = Agreement(difference, largest)
    if not difference <= agreement.limit:  # NaN isn't, either
        raise LmkitError(
            f"its logits in Transformers differ by up to {difference:.3g}, and the limit is "
            f"{agreement.limit:.3g}: not exported",
            f"this is transformers {library.__version__}; lmkit was tested with 5.23",
        )
    return agreement


def _answers(
    ours: Transformer, theirs: Any, time: int, pad: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield logits of both, at the same places."""
    tokens_BT = _drawn(ours, time, seed=1)
    source_BS = _drawn(ours, time, seed=2) if ours.encoder else None
    places_BT = torch.arange(time).expand_as(tokens_BT)
    got_BTV = _of_ours(ours, tokens_BT, source_BS, places_BT, None)
    yield got_BTV, _of_theirs(theirs, tokens_BT, source_BS, None)

    real_BT = torch.ones_like(tokens_BT, dtype=torch.bool)
    real_BT[1, max(1, round(time * PADDED)) :] = False
    padded_BS = None if source_BS is None else source_BS.masked_fill(~real_BT, pad)
    padded_BT = tokens_BT.masked_fill(~real_BT, pad)
    got_BTV = _of_ours(ours, padded_BT, padded_BS, places_BT, real_BT.int())
    yield got_BTV[real_BT], _of_theirs(theirs, padded_BT, padded_BS, real_BT.long())[real_BT]

    lengths = [length for share in DOCUMENTS if (length := int(time * share))] or [time]
    row, used = slice(0, 1), sum(lengths)
    numbers_T = torch.arange(1, len(lengths) + 1).repeat_interleave(torch.tensor(lengths))
    places_T = torch.cat([torch.arange(length) for length in lengths])
    tokens_1T = tokens_BT[row, :used]
    source_1S = None if source_BS is None else source_BS[row, :used]
    got_1TV = _of_ours(ours, tokens_1T, source_1S, places_T[None], numbers_T[None])
    for number in range(1, len(lengths) + 1):
        own_T = numbers_T == number
        source = None if source_1S is None else source_1S[:, own_T]
        yield got_1TV[:, own_T], _of_theirs(theirs, tokens_1T[:, own_T], source, None)


def _of_ours(
    model: Transformer,
    tokens_BT: Tensor,
    source_BS: Tensor | None,
    places_BT: Tensor,
    documents_BT: Tensor | None,
) -> Tensor:
    """Return our logits; a source is cut in documents as its targets are."""
    if source_BS is None:
        return model(tokens_BT, places_BT, documents_BT)
    return model(
        tokens_BT,
        places_BT,
        documents_BT,
        source_tokens_BS=source_BS,
        source_positions_BS=places_BT,
        source_documents_BS=documents_BT,
    )


def _of_theirs(
    model: Any, tokens_BT: Tensor, source_BS: Tensor | None, mask_BT: Tensor | None
) -> Tensor:
    if source_BS is None:
        return model(tokens_BT, attention_mask=mask_BT).logits
    return model(source_BS, attention_mask=mask_BT, decoder_input_ids=tokens_BT).logits


def _drawn(model: Transformer, time: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, model.vocabulary_size, (2, time), generator=generator)
