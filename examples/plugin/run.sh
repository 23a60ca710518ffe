#!/usr/bin/env bash
# A plugin, from the command line and from Python: both write the same documents.
#
#     bash examples/plugin/run.sh                 # a few pages that it writes
#     bash examples/plugin/run.sh pages chats     # your own files
#
# WORK is the folder of the results.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
source "$root/examples/setup.sh" plain
work=${WORK:-work/plugin}
if [ $# -eq 0 ]; then
    mkdir -p "$work/pages"
    printf 'A page about cats, and about how they sleep.\nShare this with your friends\n' > "$work/pages/cats.txt"
    printf 'BUY NOW, OR REGRET IT FOR ALL OF YOUR LIFE\n' > "$work/pages/shout.txt"
    printf 'ann: Has anybody seen the cat this morning?\nbob: She sleeps on the piano again.\n' > "$work/pages/day.chat"
    set -- "$work/pages"
fi

lmkit clean "$@" --output "$work/clean" --workers 2 \
    --plugin "$root/examples/plugin/my_rules.py" --filters.rules basic,shouting
python "$root/examples/plugin/from_python.py" "$work/from-python" "$@"
# Its rules can be inspected where it is named again.
lmkit inspect "$work/clean" --rules --plugin "$root/examples/plugin/my_rules.py"
