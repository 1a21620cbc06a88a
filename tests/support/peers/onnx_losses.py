"""ONNX's losses as layers of refvis."""

from typing import Any

import numpy as np
from support.peers.onnx_values import softmax

from refvis import layers

Attributes = dict[str, Any]
Outputs = tuple[np.ndarray, ...]


def cross_entropy(at: Attributes, x: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> Outputs:
    """SoftmaxCrossEntropyLoss, and the logarithm of the softmax."""
    log_probabilities = np.log(softmax({"axis": 1}, _rows(x))[0])
    back = np.moveaxis(log_probabilities.reshape(x.shape[0], *x.shape[2:], x.shape[1]), -1, 1)
    return _loss("softmaxlog", at, _rows(x), labels, weights), back


def nll(at: Attributes, x: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> Outputs:
    """NegativeLogLikelihoodLoss of log-probabilities."""
    return (_loss("log", at, np.exp(_rows(x)), labels, weights),)


def _rows(x: np.ndarray) -> np.ndarray:
    """Return N x C x ... as one row of channels for each place."""
    return np.ascontiguousarray(np.moveaxis(x, 1, -1)).reshape(-1, x.shape[1])


def _loss(kind: str, at: Attributes, rows: np.ndarray, labels: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Return the losses' weighted sum, or their weighted mean, or each; ignored labels weigh 0."""
    count = rows.shape[1]
    kept = (labels.ravel() >= 0) & (labels.ravel() < count) & (labels.ravel() != at.get("ignore_index", -(10**6)))
    label = np.where(kept, labels.ravel() + 1, 0).astype(rows.dtype)
    each = kept.astype(rows.dtype) * (1 if weights is None else weights[np.where(kept, labels.ravel(), 0)])
    reduction = at.get("reduction", b"mean").decode()
    if reduction == "none":
        made = [_sum(kind, rows[n : n + 1], label[n : n + 1], each[n : n + 1]) for n in range(len(rows))]
        return np.array(made, rows.dtype).reshape(labels.shape)
    return _sum(kind, rows, label, each / each.sum() if reduction == "mean" else each)


def _sum(kind: str, rows: np.ndarray, label: np.ndarray, weights: np.ndarray) -> np.ndarray:
    layer = layers.Loss(kind, instance_weights=weights.reshape(-1, 1, 1, 1), normalise=False)
    return layers.forward(layer, rows[:, None, None], label.reshape(-1, 1, 1, 1)).reshape(())
