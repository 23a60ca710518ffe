"""A tokenizer's folder as it is exported with a model.

Choices:
- It adds to a text what the model's documents had: BOS for a decoder, which continues the text; BOS
  and EOS for an encoder; EOS for the input of an encoder-decoder.
- An encoder's class and separator tokens are those: what no sequence held is never called so.
  RoBERTa names its <s> and </s> twice in the same way.
- Loaded by Transformers it behaves as tokenizer.json defines, whatever the model in the folder is:
  a class specific to a model could build another one.
- It returns ids and the attention mask. Decoders reject the other outputs.
- A decoder's batches are padded on the left: it continues the last token of a sequence, which must
  not be padding. The others are padded on the right.
"""

import json
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers.processors import TemplateProcessing

from lmkit.tokenizers.tokenizer import CONFIG, FILES, SPECIAL_TOKENS, TOKENIZER, Tokenizer

CLASS = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "clean_up_tokenization_spaces": False,
    "model_input_names": ["input_ids", "attention_mask"],
}
ENCODER_NAMES = ("cls_token", "sep_token")
OTHER_NAMES = ("bos_token", "eos_token")


def exported(
    folder: Path, bos: int | None, eos: int | None, max_length: int | None, architecture: str
) -> dict[str, bytes]:
    """Return the files of a tokenizer's folder, by name.

    Args:
        folder: the tokenizer's folder.
        bos: id to add before a text, or None.
        eos: id to add after it, or None.
        max_length: maximum number of tokens of the model's input.
        architecture: of the model, which decides about the side of the padding, and the names.

    """
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / TOKENIZER))
    loaded = Tokenizer.load(folder)
    tokenizer.post_processor = template(loaded, bos, eos)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    files = {
        name: json.loads((folder / name).read_text("utf-8"))
        for name in FILES
        if name != TOKENIZER and (folder / name).exists()
    }
    config: dict[str, Any] = files.get(CONFIG, {}) | CLASS
    # A class with another name would be loaded from code that came with the tokenizer.
    config.pop("auto_map", None)
    config["padding_side"] = "left" if architecture == "decoder" else "right"
    config["model_max_length"] = max_length
    if max_length is None:
        del config["model_max_length"]
    tables = {CONFIG: config}
    if SPECIAL_TOKENS in files:
        tables[SPECIAL_TOKENS] = files[SPECIAL_TOKENS]
    first, last = ENCODER_NAMES if architecture == "encoder" else OTHER_NAMES
    for table in tables.values():
        for name, number in ((first, bos), (last, eos)):
            if number is not None:
                table[name] = loaded.text_of(number)
            elif architecture == "encoder":
                table.pop(name, None)
    return {
        TOKENIZER: (tokenizer.to_str(pretty=True) + "\n").encode(),
        **{
            name: (json.dumps(table, indent=2, ensure_ascii=False) + "\n").encode()
            for name, table in tables.items()
        },
    }


def template(tokenizer: Tokenizer, bos: int | None, eos: int | None) -> TemplateProcessing:
    """Return the post-processor that adds these tokens to a text, and to a pair of texts."""
    named = [(tokenizer.text_of(number), number) for number in (bos, eos) if number is not None]
    before = f"{tokenizer.text_of(bos)} " if bos is not None else ""
    after = f" {tokenizer.text_of(eos)}" if eos is not None else ""
    second = " $B:1" + (f" {tokenizer.text_of(eos)}:1" if eos is not None else "")
    return TemplateProcessing(
        single=f"{before}$A{after}",
        pair=f"{before}$A{after}{second}",
        special_tokens=sorted(set(named)),
    )
