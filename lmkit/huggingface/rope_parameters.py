"""The rotary parameters of a config.json: read in the new and the old format, and written.

Sources: `modeling_rope_utils.py` of Transformers (5.24): which key wins over which, what is derived
where a key is missing, and which types there are.

Choices:
- Parameters are read into one form, in which what equals its default is left out. What lmkit's
  options don't describe stays in it, so that comparing it with what they are written as refuses it.
- Types that depend on the length of each text (dynamic, longrope) are refused by name.
"""

import math
from typing import Any

from lmkit.huggingface.family import Json, UnsupportedError
from lmkit.model.options import ROTATIONS, ModelConfig

TYPES = ("default", "linear", "yarn", "llama3")
ORIGINAL = "original_max_position_embeddings"
PARTIAL = "partial_rotary_factor"
BOUNDS = {"yarn": ("beta_slow", "beta_fast"), "llama3": ("low_freq_factor", "high_freq_factor")}
"""Transformers' names of the rotations at both ends of a ramp."""


def rope_parameters(
    config: Json,
    theta: float,
    *,
    theta_key: str = "rope_theta",
    fraction: float | None = None,
    fraction_key: str = PARTIAL,
) -> Json:
    """Return the rotary parameters of a config.json, in one form.

    Args:
        config: the content of config.json.
        theta: the family's default base.
        theta_key: the key of the base beside the parameters.
        fraction: the family's default fraction of rotated channels; None: it rotates all, and
            the fraction is left out where it is 1.
        fraction_key: the key of the fraction beside the parameters.

    >>> rope_parameters({"rope_theta": 500000.0}, 10000.0)
    {'rope_type': 'default', 'rope_theta': 500000.0}

    """
    given: Json = dict(config.get("rope_scaling") or config.get("rope_parameters") or {})
    old_type = given.pop("type", "default")
    rope_type = given.pop("rope_type", old_type)
    if rope_type not in TYPES:
        raise UnsupportedError(
            f"rope_parameters: rope_type: got {rope_type}, must be one of {', '.join(TYPES)}"
        )
    found: Json = {"rope_type": rope_type, "rope_theta": config.get(theta_key, theta), **given}
    if fraction is not None or config.get(fraction_key) is not None:
        found.setdefault(PARTIAL, config.get(fraction_key, fraction))
    if fraction is None and found.get(PARTIAL) == 1:
        del found[PARTIAL]
    if rope_type in ROTATIONS:
        length = config.get(ORIGINAL) or given.get(ORIGINAL)
        found[ORIGINAL] = length or _needed(config, "max_position_embeddings", "")
    if rope_type != "default":
        _needed(found, "factor")
    if rope_type == "yarn":
        _complete_yarn(found)
    elif rope_type == "llama3":
        for key in BOUNDS["llama3"]:
            _needed(found, key)
    return found


def _complete_yarn(found: Json) -> None:
    """Fill in what Transformers derives, and leave out what equals its default."""
    slow, fast = ROTATIONS["yarn"]
    found |= {
        "beta_slow": found.get("beta_slow") or slow,
        "beta_fast": found.get("beta_fast") or fast,
    }
    if found.get("truncate", True):
        found.pop("truncate", None)
    scale, all_scale = found.pop("mscale", None), found.pop("mscale_all_dim", None)
    attention = found.pop("attention_factor", None)
    default = _magnitude(found["factor"], 1.0)
    if attention is None and scale and all_scale:
        attention = _magnitude(found["factor"], scale) / _magnitude(found["factor"], all_scale)
    if attention is not None and attention != default:
        found["attention_factor"] = attention


def _magnitude(factor: float, scale: float) -> float:
    return 0.1 * scale * math.log(factor) + 1.0 if factor > 1 else 1.0


def _needed(table: Json, key: str, prefix: str = "rope_parameters: ") -> Any:
    if table.get(key) is None:
        raise KeyError(prefix + key)
    return table[key]


def rope_options(parameters: Json) -> Json:
    """Return the options of a model with such parameters, read by `rope_parameters`.

    >>> rope_options({"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.0})
    {'rotary_base': 10000.0, 'rotary_scaling': 'linear', 'rotary_factor': 2.0}
    """
    scaling = parameters["rope_type"]
    options: Json = {"rotary_base": parameters["rope_theta"]}
    if scaling == "default":
        return options
    options |= {"rotary_scaling": scaling, "rotary_factor": parameters["factor"]}
    if scaling == "linear":
        return options
    slow, fast = (
        None if parameters[key] == default else parameters[key]
        for key, default in zip(BOUNDS[scaling], ROTATIONS[scaling], strict=True)
    )
    return options | {
        "rotary_original_length": parameters[ORIGINAL],
        "rotary_slow_rotations": slow,
        "rotary_fast_rotations": fast,
        "rotary_attention_factor": parameters.get("attention_factor"),
        "rotary_whole_pairs": parameters.get("truncate", True),
    }


def written_rope(config: ModelConfig) -> Json:
    """Return the rotary parameters of a model, as they are written to config.json.

    >>> written_rope(ModelConfig(rotary_base=500000.0))
    {'rope_type': 'default', 'rope_theta': 500000.0}
    """
    scaling = config.rotary_scaling
    written: Json = {"rope_type": scaling or "default", "rope_theta": config.rotary_base}
    if scaling is None:
        return written
    written["factor"] = config.rotary_factor
    if scaling == "linear":
        return written
    written[ORIGINAL] = config.rotary_original_length
    written |= dict(zip(BOUNDS[scaling], config.rotary_rotations, strict=True))
    if config.rotary_attention_factor is not None:
        written["attention_factor"] = config.rotary_attention_factor
    return written if config.rotary_whole_pairs else written | {"truncate": False}
