"""Cleans files with a plugin, from Python: python from_python.py OUTPUT INPUT..."""

import sys
from pathlib import Path

import lmkit

if __name__ == "__main__":
    output, *inputs = map(Path, sys.argv[1:])
    config = lmkit.with_plugins(lmkit.CleanConfig, Path(__file__).with_name("my_rules.py"))
    options = {"inputs": inputs, "output": output, "workers": 2}
    filters = {"rules": ("basic", "shouting"), "shouting": {"max_capitals": 0.3}}
    manifest = lmkit.clean(config.model_validate({**options, "filters": filters}))
    print(manifest.counts.model_dump())
