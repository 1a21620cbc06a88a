"""The network: nodes, engine, trace, receptive fields, and the layers that users register."""
