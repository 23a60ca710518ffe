"""Filling the masks of a prompt with an encoder: BOS, the prompt and EOS, each mask one token."""

from dataclasses import dataclass

from torch import Tensor

from lmkit.generation.generated import Alternative, Generated, Span
from lmkit.generation.mask_filling import fill
from lmkit.generation.prompt_model import PromptModel, as_list
from lmkit.generation.templates import Template, mask_text


@dataclass(frozen=True)
class MaskedPrompt:
    """The tokens of a prompt with masks, and what may fill each."""

    template: Template
    ids: tuple[int, ...]
    allowed: dict[int, Tensor]
    """For the index of each mask, a mask of the ids that may fill it."""


def masked_prompt(of: PromptModel, prompt: str) -> MaskedPrompt:
    """Split a prompt at its masks. Raises ConfigError if there are none."""
    mask = mask_text(of.tokenizer)
    template = of.template(prompt, prompt.split(mask), mask)
    mask_id = 0 if of.tokenizer.mask is None else of.tokenizer.mask
    ids, mask_indices = as_list(of.packing.bos), list[int]()
    for number, part in enumerate(template.parts):
        if number:
            mask_indices.append(len(ids))
            ids.append(mask_id)
        ids += of.tokenizer.encode(part).tolist()
    ids += as_list(of.packing.eos)
    allowed = {
        index: of.allowed(of.surface_forms.may_fill_alone(template, number))
        for number, index in enumerate(mask_indices)
    }
    return MaskedPrompt(template, tuple(ids), allowed)


def fill_masks(of: PromptModel, masked: MaskedPrompt, seed: int, *, two_streams: bool) -> Generated:
    """Fill every mask; the spans are in the order of the text."""
    template, mask_indices = masked.template, list(masked.allowed)
    spans: dict[int, Span] = {}
    for filled_mask in fill(
        of.model,
        masked.ids,
        masked.allowed,
        of.sampling,
        two_streams=two_streams,
        seed=seed,
        window=of.packing.sequence_length,
    ):
        p_V = filled_mask.p_V
        top_ids_A = p_V.sort(descending=True, stable=True).indices[: of.alternatives].tolist()
        space = template.has_space_before[mask_indices.index(filled_mask.index)]
        sampled = of.piece(filled_mask.token, float(p_V[filled_mask.token]))
        alternatives = tuple(
            Alternative(
                of.tokenizer.text_of(each) or "",
                float(p_V[each]),
                of.surface_forms.text([each], space=space),
            )
            for each in top_ids_A
            if p_V[each]
        )
        text = of.surface_forms.text([filled_mask.token], space=space)
        spans[filled_mask.index] = Span(text, sampled.probability, (sampled,), alternatives)
    in_order = tuple(spans[index] for index in mask_indices)
    return Generated("masks", template.filled(span.text for span in in_order), "filled", in_order)
