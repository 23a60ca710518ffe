#!/usr/bin/env bash
# A Ray cluster inside of a Slurm job, and one stage on it: sbatch examples/clusters/ray_on_slurm.sh
# Ray starts its head on the first node, the others join it, and the command runs on the head; all of it
# ends with the job. The same job again resumes. INPUT, OUTPUT and STAGE choose what is done.
#SBATCH --job-name=lmkit
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=32
#SBATCH --exclusive
#SBATCH --time=12:00:00
#SBATCH --requeue
set -euo pipefail

input=${INPUT:-crawl} output=${OUTPUT:-work/clean} stage=${STAGE:-clean}
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
address="$head:6379"
# The object store isn't used: it would take 30% of the memory.
store=(--object-store-memory 200000000 --disable-usage-stats)

srun --nodes 1 --ntasks 1 --nodelist "$head" \
    ray start --head --port 6379 --num-cpus "$SLURM_CPUS_PER_TASK" "${store[@]}" --block &
srun --nodes $((SLURM_JOB_NUM_NODES - 1)) --ntasks $((SLURM_JOB_NUM_NODES - 1)) --exclude "$head" \
    bash -c "sleep 10; exec ray start --address $address --num-cpus $SLURM_CPUS_PER_TASK ${store[*]} --block" &
sleep 20

srun --nodes 1 --ntasks 1 --nodelist "$head" --overlap \
    lmkit "$stage" "$input" --output "$output" --executor ray --ray.address "$address" "$@"
