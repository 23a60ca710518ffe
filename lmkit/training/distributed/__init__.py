"""Training on several devices: processes, sharded weights, launching."""
