#!/usr/bin/env bash
# From a web crawl to a decoder: WARC files in, a Llama-shaped model out.
#
#     bash examples/web_crawl/run.sh                      # pages of Python's manual, as a small crawl
#     bash examples/web_crawl/run.sh crawl/*.warc.gz      # your own crawl
#
# LANGUAGES and FILTERS choose what is kept, STEPS the length of training; WORK is the folder of the
# results.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
source "$root/examples/setup.sh" plain
work=${WORK:-work/web-crawl}
if [ $# -eq 0 ]; then
    python "$root/examples/web_crawl/small_crawl.py" "$work/crawl.warc.gz"
    set -- "$work/crawl.warc.gz"
    FILTERS=${FILTERS:-basic}  # a manual full of code isn't what the rules for web pages look for
fi

# Main content of each page, in the languages that are asked for, judged by the rules for web pages.
lmkit clean "$@" --output "$work/clean" \
    --language "${LANGUAGES:-en}" --filters.preset "${FILTERS:-web}" --pii.action tag
# One of each page, then one of those that are nearly the same.
lmkit dedup "$work/clean" --output "$work/dedup" --url drop
lmkit train-tokenizer "$work/dedup" --output "$work/tokenizer" --vocab-size "${VOCABULARY:-4096}"
lmkit pack "$work/dedup" --tokenizer "$work/tokenizer" --output "$work/packed" \
    --sequence-length "${LENGTH:-256}" --packing best-fit --validation 0.05
lmkit pretrain "$work/packed" --output "$work/run" --steps "${STEPS:-200}" --batch-tokens 4096 \
    --model.layers 4 --model.hidden-size 128 --model.heads 4
lmkit eval "$work/run" --data "$work/packed" --output "$work/eval"
# What each rule removed, and the counts of the whole crawl.
lmkit inspect "$work/clean" --rules
