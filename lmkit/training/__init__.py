"""Training: loop, session, optimizer, schedule, metrics, console, validation."""
