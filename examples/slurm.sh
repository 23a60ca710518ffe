#!/usr/bin/env bash
# A batch job that trains until it is done: sbatch examples/slurm.sh
# Ten minutes before its time is over, Slurm sends SIGUSR1; lmkit saves and ends with 130, and the
# job queues itself again. The same command goes on where it stopped.
#SBATCH --job-name=lmkit
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --time=12:00:00
#SBATCH --signal=B:USR1@600
#SBATCH --requeue
#SBATCH --open-mode=append
set -uo pipefail

packed=${PACKED:-work/packed} run=${RUN:-work/run}
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)

srun torchrun \
    --nnodes "$SLURM_JOB_NUM_NODES" --nproc-per-node "${SLURM_GPUS_ON_NODE:-8}" \
    --rdzv-id "$SLURM_JOB_ID" --rdzv-backend c10d --rdzv-endpoint "$first:29500" \
    -m lmkit pretrain "$packed" --output "$run" --model.preset llama-1b --parallel fsdp "$@" &
job=$!
asked=0
trap 'asked=1; scancel --signal=USR1 "$SLURM_JOB_ID.0"' USR1
wait "$job"
code=$?
while kill -0 "$job" 2>/dev/null; do  # the trap has ended the wait
    wait "$job"
    code=$?
done
# torchrun hides lmkit's 130, so it is the signal that tells a stop from a failure.
if [ "$asked" = 1 ]; then
    scontrol requeue "$SLURM_JOB_ID"
    exit 0
fi
exit "$code"
