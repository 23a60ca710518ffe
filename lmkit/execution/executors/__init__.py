"""Where tasks run: in this process, in workers on this machine, or on the machines of a cluster.

Choices:
- An executor moves a function and small tasks, never data: what tasks read and write lies in
  folders that all machines share. So the output is the same for every executor.
- A task whose machine is lost is given again; a task that fails is not, since it would fail again.
  A task that was given again finds the receipt of the first, if that was finished after all.
- lmkit starts no cluster, and stops none.
"""
