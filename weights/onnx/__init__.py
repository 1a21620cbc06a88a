"""ONNX files: reading, in three steps.

`file` turns a file into plain values by the package `onnx`, which nothing else here imports. `folding` computes what is
constant. `builder` turns each operator that reads an image or features into layers, by the functions in `windows`,
`dense`, `pointwise`, `arithmetic`, `norms` and `shapes`; `layout` keeps account of the axes: ONNX has N x C x H x W.
"""
