"""Layers that networks exported by PyTorch and others have, and MatConvNet has not. ONNX files load as them."""
