r"""A tokenizer.json as the library fastokens takes it, where it is likely to give the same ids.

Choices:
- Byte-level BPE without a normalizer, dropout or affixes; every byte has a token, so no text is
  unknown. Of pre-tokenizers, regular expressions whose matches are the words, then bytes.
- Special tokens are left out: in a text they are text. Other added tokens would be found in texts,
  so a tokenizer that has some is not for fastokens.
- It compiles some published patterns to code, three times as fast as a regular expression, and
  knows them by their spelling. lmkit's spelling of gpt4's line breaks matches the same as the
  published one (`pre_tokenizers.py`) and is replaced with it; gpt2's pattern is the one that the
  ByteLevel pre-tokenizer has built in.
- What is accepted here is proven on the tokenizer itself, by `encoder_probe.py`.
"""

import json
from typing import Any

from tokenizers.pre_tokenizers import ByteLevel

from lmkit.tokenizers.pre_tokenizers import pattern

LINE_BREAKS = r"(?:[^\S\r\n]*+[\r\n]+)+"
PUBLISHED_LINE_BREAKS = r"\s*[\r\n]+"
PLAIN_BYTES = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
GPT2_BYTES = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}


class UnsupportedTokenizerError(Exception):
    """A tokenizer whose ids fastokens can't be expected to give; the message says why."""


def fastokens_file(stored: dict[str, Any]) -> str:
    """Return the file for fastokens, given the content of a tokenizer.json.

    Raises UnsupportedTokenizerError where `reason_against` gives a reason.
    """
    if reason := reason_against(stored):
        raise UnsupportedTokenizerError(reason)
    steps = _steps(stored["pre_tokenizer"])
    taken = [_published(step) for step in steps]
    if len(steps) == 2 and _regex(steps[0]) == pattern("gpt2") and _is(steps[1], PLAIN_BYTES):
        taken = [GPT2_BYTES | {"trim_offsets": True}]
    pre_tokenizer = taken[0] if len(taken) == 1 else {"type": "Sequence", "pretokenizers": taken}
    changed = {"added_tokens": [], "post_processor": None, "truncation": None, "padding": None}
    return json.dumps(stored | changed | {"pre_tokenizer": pre_tokenizer})


def reason_against(stored: dict[str, Any]) -> str | None:
    """Return why a tokenizer is not for fastokens; None if it may be.

    >>> reason_against({"model": {"type": "Unigram"}})
    'a Unigram model'
    """
    model = stored["model"]
    if model.get("type") != "BPE":
        return f"a {model.get('type')} model"
    if stored.get("normalizer") is not None:
        return "a normalizer"
    if not all(token["special"] for token in stored.get("added_tokens", ())):
        return "added tokens that are not special"
    if model.get("dropout") or model.get("byte_fallback"):
        return "dropout or byte fallback"
    if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        return "a prefix or suffix of tokens"
    if not model["merges"]:
        return "no merges"  # a text is then one word, and nothing is gained
    *splits, last = _steps(stored.get("pre_tokenizer")) or [{}]
    if not all(_regex(step) and _is(step, {"behavior": "Isolated"}) for step in splits):
        return "a pre-tokenizer of another kind"
    if not (_is(last, PLAIN_BYTES) or (not splits and _is(last, GPT2_BYTES))):
        return "no byte-level pre-tokenizer"
    if not set(ByteLevel.alphabet()) <= model["vocab"].keys():
        return "bytes without a token"
    return None


def _steps(pre_tokenizer: dict[str, Any] | None) -> list[dict[str, Any]]:
    if pre_tokenizer is None:
        return []
    inner: list[dict[str, Any]] | None = pre_tokenizer.get("pretokenizers")
    return [pre_tokenizer] if inner is None else inner


def _regex(step: dict[str, Any]) -> str | None:
    """Return the regular expression of a step whose matches are words; None for another step."""
    if step.get("type") != "Split" or step.get("invert"):
        return None
    return step["pattern"].get("Regex")


def _is(step: dict[str, Any], settings: dict[str, Any]) -> bool:
    return all(step.get(name) == value for name, value in settings.items())


def _published(step: dict[str, Any]) -> dict[str, Any]:
    regex = _regex(step)
    if regex is None:
        return step
    return step | {"pattern": {"Regex": regex.replace(LINE_BREAKS, PUBLISHED_LINE_BREAKS)}}
