#!/usr/bin/env bash
# The one check: formatting, lint, types and tests, on a fresh machine with Python 3.11.
set -euo pipefail
cd "$(dirname "$0")/.."
source examples/setup.sh dev
# Real text for the tests that need it; without it they skip, visibly.
if [ -z "${LMKIT_CORPORA:-}" ] && [ -d ../shared/corpora ]; then
    LMKIT_CORPORA=$(cd ../shared/corpora && pwd)
    export LMKIT_CORPORA
fi
# Nothing here needs the network.
export HF_HUB_OFFLINE=1
ruff format --check .
ruff check .
pyright
pytest -n "${LMKIT_TEST_PROCESSES:-2}" -rs "$@"
