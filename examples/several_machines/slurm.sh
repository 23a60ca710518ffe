#!/usr/bin/env bash
# A batch job that queues itself again until the model is trained: sbatch examples/several_machines/slurm.sh
# lmkit stops before the job's time is over, with a checkpoint, and the same command resumes. (torchrun
# exits with 1 whatever lmkit's own exit code was, so lmkit's output tells a stop from a failure.)
#SBATCH --job-name=lmkit
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail

packed=${PACKED:-work/packed} run=${RUN:-work/run} hours=${HOURS:-11.75}
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
output=$(mktemp)

if srun torchrun \
    --nnodes "$SLURM_JOB_NUM_NODES" --nproc-per-node "${SLURM_GPUS_ON_NODE:-8}" \
    --rdzv-id "$SLURM_JOB_ID" --rdzv-backend c10d --rdzv-endpoint "$first:29500" \
    -m lmkit pretrain "$packed" --output "$run" --model.preset llama-1b --parallel fsdp \
    --time-limit "$hours" "$@" 2>&1 | tee "$output"; then
    echo "$run: trained"
elif grep -q "the same command resumes" "$output"; then
    scontrol requeue "$SLURM_JOB_ID"
else
    exit 1
fi
