"""The optimised image: its parametrisations, transforms and projections, and contact sheets of results."""
