"""What a case of ONNX says where no layer of refvis computes it."""


class OutsideError(Exception):
    """The case is outside of what refvis' layers compute; the message says why."""
