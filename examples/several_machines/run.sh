#!/usr/bin/env bash
# One training run in several processes, stopped and resumed with another number of them.
#
#     bash examples/several_machines/run.sh PACKED [PROCESSES]
#
# PACKED is a folder that lmkit pack made, such as the quickstart's work/quickstart/packed. On a
# machine without GPUs the processes share its cores. slurm.sh beside this file is the same for a
# cluster. STEPS chooses the length of training; WORK is the folder of the results.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
packed=${1:?give a packed folder, such as work/quickstart/packed}
processes=${2:-2}
source "$root/examples/setup.sh" plain
work=${WORK:-work/several-machines}
steps=${STEPS:-100}
options=("$packed" --output "$work/run" --model.layers 4 --model.hidden-size 128 --model.heads 4
    --batch-tokens 4096 --schedule.decay-steps "$steps" --schedule.warmup-steps 1)

# Half of the steps in several processes, each with a shard of every weight ...
torchrun --nproc-per-node "$processes" -m lmkit pretrain "${options[@]}" \
    --parallel fsdp --steps $((steps / 2))
# ... and the rest in one: the same data in the same order, the same loss up to rounding.
lmkit pretrain "${options[@]}" --steps "$steps"
lmkit inspect "$work/run"
