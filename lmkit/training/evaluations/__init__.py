"""What a run is asked while it trains: tasks that are scored, and prompts that it continues."""
