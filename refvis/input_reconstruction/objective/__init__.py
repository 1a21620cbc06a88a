"""The objective that an image is sought for: terms on codes of the network, and regularisers."""

from refvis.input_reconstruction.objective.objective import Objective, Term, reaching

__all__ = ["Objective", "Term", "reaching"]
