"""What a run will take, before it begins: memory, time, micro-batch size."""
