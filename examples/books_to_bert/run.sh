#!/usr/bin/env bash
# From books to an encoder that fills masks, and on to Transformers.
#
#     bash examples/books_to_bert/run.sh            # the prose of Python's manual
#     bash examples/books_to_bert/run.sh BOOKS      # a folder of your own: .txt, .epub, .html
#
# STEPS chooses the length of training; WORK is the folder of the results.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
source "$root/examples/setup.sh" plain
work=${WORK:-work/books-to-bert}
books=${1:-}
if [ -z "$books" ]; then
    python "$root/examples/python_text.py" "$work/python-text"
    books=$work/python-text/manual
fi

# Hard-wrapped lines become paragraphs; rules and limits for books; long books become parts.
lmkit clean "$books" --output "$work/clean" \
    --read.join-lines --filters.preset books --max-characters 20000
lmkit dedup "$work/clean" --output "$work/dedup" --repeats.paragraphs 30
# BERT's tokenizer: WordPiece over lowercase words.
lmkit train-tokenizer "$work/dedup" --output "$work/tokenizer" \
    --algorithm wordpiece --normalize.lowercase --vocab-size "${VOCABULARY:-4096}"
lmkit pack "$work/dedup" --tokenizer "$work/tokenizer" --output "$work/packed" \
    --sequence-length 128 --packing best-fit --validation 0.05
lmkit pretrain "$work/packed" --output "$work/run" --objective mlm --mlm.whole-word \
    --model.architecture encoder --model.position learned \
    --model.norm layernorm --model.norm-position post --model.activation gelu --model.biases \
    --model.layers 2 --model.hidden-size 128 --model.heads 2 --model.ffn-size 512 \
    --model.norm-eps 1e-12 --steps "${STEPS:-200}" --batch-tokens 4096
lmkit eval "$work/run" --data "$work/packed" --output "$work/eval"
lmkit generate "$work/run" --prompt "The [MASK] returns a value."
# Transformers is needed for this step alone.
if python -c "import transformers" 2>/dev/null; then
    lmkit export "$work/run" --output "$work/hf"
fi
