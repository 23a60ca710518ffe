#!/usr/bin/env bash
# Make .venv and install lmkit into it, once; sourced by the other scripts, or run by itself.
#
#     source examples/setup.sh plain    # what lmkit needs
#     source examples/setup.sh dev      # and what its tests need
#
# LMKIT_PIP_OPTIONS is passed on to pip: an index with a smaller torch, for example.
set -euo pipefail
lmkit_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
lmkit_extra=${1:-plain}  # without an argument here, a sourced script gets its caller's
case $lmkit_extra in plain) lmkit_extras="" ;; *) lmkit_extras="[$lmkit_extra]" ;; esac
lmkit_venv=$lmkit_root/.venv
# The marker file holds the checksum of the pyproject.toml that was installed.
lmkit_marker=$lmkit_venv/installed-$lmkit_extra
lmkit_wanted=$(cksum < "$lmkit_root/pyproject.toml")

# What the tests need includes all that lmkit needs.
if [ "$(cat "$lmkit_marker" 2>/dev/null)" != "$lmkit_wanted" ] &&
    [ "$(cat "$lmkit_venv/installed-dev" 2>/dev/null)" != "$lmkit_wanted" ]; then
    python=${PYTHON:-python3}
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "lmkit needs Python 3.11 or newer; this is $("$python" --version). Set PYTHON=..." >&2
        exit 1
    }
    echo "Installing into $lmkit_venv: lmkit, and torch and other packages that it needs." >&2
    echo "pip will download about 300 MB with a CPU build of torch, or about 3 GB with CUDA" >&2
    echo "(see the README for how to choose), unless they are in its cache." >&2
    [ -x "$lmkit_venv/bin/python" ] || "$python" -m venv "$lmkit_venv"
    # shellcheck disable=SC2086 (they are several options)
    "$lmkit_venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        ${LMKIT_PIP_OPTIONS:-} --editable "$lmkit_root$lmkit_extras"
    echo "$lmkit_wanted" > "$lmkit_marker"
fi
export PATH=$lmkit_venv/bin:$PATH
