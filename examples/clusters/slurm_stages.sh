#!/usr/bin/env bash
# Documents, without duplicates, by jobs of Slurm: bash examples/clusters/slurm_stages.sh INPUT WORK
# Run it on a login node, in the folder that all nodes share; it waits for the jobs. Interrupt it, or lose
# the connection, and the same command resumes. PARTITION chooses where the jobs run.
set -euo pipefail
input=${1:?give a folder of raw text} work=${2:?give a folder for the results}
jobs=(--executor slurm --slurm.jobs 200 --slurm.minutes 240 --slurm.options mem=4G)
[ -z "${PARTITION:-}" ] || jobs+=(--slurm.partition "$PARTITION")

lmkit clean "$input" --output "$work/clean" --filters.preset web --language en "${jobs[@]}"
lmkit dedup "$work/clean" --output "$work/dedup" "${jobs[@]}"
lmkit train-tokenizer "$work/dedup" --output "$work/tokenizer" --vocab-size 32768 "${jobs[@]}"
lmkit pack "$work/dedup" --tokenizer "$work/tokenizer" --output "$work/packed" "${jobs[@]}"
lmkit inspect "$work/packed"
