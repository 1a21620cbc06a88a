"""Plain values of a model file <-> layers and networks, as MatConvNet stores them."""
