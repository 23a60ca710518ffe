#!/usr/bin/env bash
# A batch job that queues itself again until the model is trained: sbatch examples/several_machines/slurm.sh
# lmkit stops before the job's time is over, with a checkpoint, and the same command resumes. (torchrun
# exits with 1 whatever lmkit's own exit code was, so lmkit's output tells a stop from a failure.)
# Options of sbatch stand before the script, those of lmkit after it; the later of two counts. Without GPUs:
#     PROCESSES=1 sbatch --gpus-per-node=0 examples/several_machines/slurm.sh --model.preset llama-15m
#SBATCH --job-name=lmkit
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail

packed=${PACKED:-work/packed} run=${RUN:-work/run} hours=${HOURS:-11.75}
processes=${PROCESSES:-${SLURM_GPUS_ON_NODE:-8}} # on each node
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
port=$((20000 + SLURM_JOB_ID % 10000)) # another job may have its first process on the same node
output=$(mktemp)
trap 'rm -f "$output"' EXIT

if srun torchrun \
    --nnodes "$SLURM_JOB_NUM_NODES" --nproc-per-node "$processes" \
    --rdzv-id "$SLURM_JOB_ID" --rdzv-backend c10d --rdzv-endpoint "$first:$port" \
    -m lmkit pretrain "$packed" --output "$run" --model.preset llama-1b --parallel fsdp \
    --time-limit "$hours" "$@" 2>&1 | tee "$output"; then
    echo "$run: trained"
elif grep -q "the same command resumes" "$output"; then
    scontrol requeue "$SLURM_JOB_ID"
else
    exit 1
fi
