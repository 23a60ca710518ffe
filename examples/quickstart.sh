#!/usr/bin/env bash
# From raw text to a small language model, in 4 to 10 minutes on two cores, with no download but
# packages. Run it again, and each finished step prints 'up to date'.
#
#     bash examples/quickstart.sh            # the text that Python itself ships
#     bash examples/quickstart.sh FOLDER     # your own: .txt, .md, .py, .jsonl
set -euo pipefail
cd "$(dirname "$0")/.."
text=${1:+$(cd "$OLDPWD" && cd "$1" && pwd)}
source examples/setup.sh plain

# A folder of results for each text, below work/, which git ignores.
work=work/quickstart${text:+-$(basename "$text")-$(printf %s "$text" | cksum | cut -d ' ' -f 1)}
if [ -z "$text" ]; then
    text=work/python-text
    python examples/python_text.py "$text"
fi

# Raw files become documents: normalized, filtered, nothing lost silently.
lmkit clean "$text" --output "$work/clean"
# Of documents with the same text, or nearly the same, one is kept.
lmkit dedup "$work/clean" --output "$work/dedup"
# Train a tokenizer (BPE).
lmkit train-tokenizer "$work/dedup" --output "$work/tokenizer" --vocab-size 4096
# Tokenize, pack into sequences, and hold out 2% of the documents for validation.
lmkit pack "$work/dedup" --tokenizer "$work/tokenizer" --output "$work/packed" \
    --sequence-length 256 --validation 0.02
# Train a model to predict the next token.
lmkit pretrain "$work/packed" --output "$work/run" \
    --model.layers 4 --model.hidden-size 256 --model.heads 4 \
    --steps 400 --batch-tokens 4096 --schedule.warmup-steps 50 --log-every 25
# Score the model on the held-out documents.
lmkit eval "$work/run" --data "$work/packed" --output "$work/eval"
python examples/compare_with_zstd.py "$work/packed" "$work/eval"
# Generate text.
lmkit generate "$work/run" --prompt "The function returns" --max-tokens 120 --temperature 0.7
# Show all of it on one page, with the commands that make it again.
lmkit report "$work" --output "$work/report"
