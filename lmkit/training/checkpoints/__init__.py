"""The files of a run: its folder, its checkpoints, and loading its model."""
