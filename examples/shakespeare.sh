#!/usr/bin/env bash
# nanoGPT's small experiment: a character-level model of "tiny Shakespeare", 4 layers, hidden size
# 128, context 64. The first 90% of the text are for training, the last 10% for validation. Its run on
# a CPU ends at 1.88 nats a character; add --model.ngram-length 4 to pretrain to be there in a tenth
# of these steps.
#
#     bash examples/shakespeare.sh path/to/input.txt [work/shakespeare]
set -euo pipefail
text=${1:?give the path of the text, such as input.txt}
work=${2:-work/shakespeare}
lmkit=${LMKIT:-lmkit}

# Split the text where the experiment splits it; nothing in it is filtered or normalized.
mkdir -p "$work/text"
python3 - "$text" "$work/text" <<'PYTHON'
import sys
from pathlib import Path

text, folder = Path(sys.argv[1]).read_text("utf-8"), Path(sys.argv[2])
cut = int(len(text) * 0.9)
for name, part in {"train.txt": text[:cut], "validation.txt": text[cut:]}.items():
    path = folder / name
    if not path.exists() or path.read_text("utf-8") != part:  # else the steps below would see a changed input
        path.write_text(part, "utf-8", newline="")
PYTHON

keep=(--filters.preset none --normalize.unicode none --no-normalize.control --normalize.space none)
"$lmkit" clean "$work/text/train.txt" --output "$work/clean-train" "${keep[@]}"
"$lmkit" clean "$work/text/validation.txt" --output "$work/clean-validation" "${keep[@]}"
"$lmkit" train-tokenizer "$work/clean-train" --output "$work/tokenizer" --algorithm character --sentinels 0
"$lmkit" pack "$work/clean-train" --tokenizer "$work/tokenizer" --output "$work/packed" \
    --sequence-length 64 --validation "$work/clean-validation"
"$lmkit" pretrain "$work/packed" --output "$work/run" \
    --model.layers 4 --model.heads 4 --model.hidden-size 128 \
    --steps 300 --batch-tokens 3072 --device cpu --validate-every 100 --save-every 100 --log-every 50
"$lmkit" eval "$work/run" --data "$work/packed"
"$lmkit" generate "$work/run" --prompt "ROMEO:" --max-tokens 300
