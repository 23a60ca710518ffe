"""What a run writes: its folder, checkpoints, the model that others read."""
