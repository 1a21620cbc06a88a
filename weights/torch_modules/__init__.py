"""PyTorch modules as networks: torch traces a module, and each call becomes the operator of ONNX that equals it."""
