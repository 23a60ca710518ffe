import subprocess
import sys


def test_only_rank_zero_prints_and_the_number_is_the_last_word() -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = [*launcher, "--nproc-per-node", "2", "-m", "lmkit.diagnosis.all_reduce_trial", "gloo"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(done.stdout.split()) == 1 and float(done.stdout) > 0
