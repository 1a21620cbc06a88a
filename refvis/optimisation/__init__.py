"""Minimisation by gradients: the loop, optimisers and schedules, regularisers, the history, and checkpoints."""
