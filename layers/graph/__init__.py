"""Networks: nodes, the engine that runs them, what a run leaves, receptive fields, and layers that users add."""
