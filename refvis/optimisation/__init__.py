"""Minimisation by gradients: the loop, its steps and schedules, its history, and checkpoints to resume from."""
