"""What this machine and this installation can do, and what would make them faster."""
