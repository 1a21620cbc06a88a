"""Formulas of methods: what is verified by "grad_cam", "occlusion" and the like.

Their functions get a small dataclass in the place of a layer. It holds the options, and what a method asks a network
for: a score, or a gradient.
"""
