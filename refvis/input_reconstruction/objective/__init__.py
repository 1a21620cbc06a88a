"""The objective of a reconstruction: terms on codes of the network, and regularisers of the image."""

from refvis.input_reconstruction.objective.objective import Objective, Term, reaching

__all__ = ["Objective", "Term", "reaching"]
