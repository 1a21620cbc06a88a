"""What the stand-in has, a part of what CuPy has: functions with CuPy's parameters (`check.py` compares them).

What need not repeat bit for bit in CuPy is left out, so that nothing here comes to depend on it: `bincount` with
weights, `add.at` and `scatter_add` (atomic additions), `cumsum` and `cumprod` (CuPy's issue 8350), and what uses these.
"""

UFUNCS = (
    "abs absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh bitwise_and bitwise_not bitwise_or "
    "bitwise_xor cbrt ceil conj copysign cos cosh divide divmod equal exp exp2 expm1 fabs floor floor_divide fmax fmin "
    "fmod greater greater_equal heaviside hypot invert isfinite isinf isnan ldexp left_shift less less_equal log log10 "
    "log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or logical_xor maximum minimum mod multiply "
    "negative nextafter not_equal positive power reciprocal remainder right_shift rint signbit sin sinh sqrt square "
    "subtract tan tanh true_divide trunc"
)

FUNCTIONS = {
    "all": "a axis out keepdims",
    "allclose": "a b rtol atol equal_nan",
    "append": "arr values axis",
    "any": "a axis out keepdims",
    "argmax": "a axis dtype out keepdims",
    "argmin": "a axis dtype out keepdims",
    "argsort": "a axis kind",
    "argwhere": "a",
    "array_equal": "a1 a2 equal_nan",
    "array_split": "ary indices_or_sections axis",
    "ascontiguousarray": "a dtype",
    "broadcast_to": "array shape",
    "clip": "a a_min a_max out",
    "copyto": "dst src casting where",
    "count_nonzero": "a axis",
    "diag": "v k",
    "diagonal": "a offset axis1 axis2",
    "diff": "a n axis prepend append",
    "dot": "a b out",
    "einsum": "out dtype order casting optimize",
    "empty_like": "prototype dtype order subok shape",
    "expand_dims": "a axis",
    "flatnonzero": "a",
    "flip": "a axis",
    "full_like": "a fill_value dtype order subok shape",
    "isclose": "a b rtol atol equal_nan",
    "kron": "a b",
    "matmul": "out",
    "max": "a axis out keepdims",
    "mean": "a axis dtype out keepdims",
    "median": "a axis out overwrite_input keepdims",
    "min": "a axis out keepdims",
    "moveaxis": "a source destination",
    "nan_to_num": "x copy nan posinf neginf",
    "nonzero": "a",
    "ones_like": "a dtype order subok shape",
    "outer": "a b out",
    "pad": "array pad_width mode",
    "percentile": "a q axis out overwrite_input method keepdims",
    "prod": "a axis dtype out keepdims",
    "quantile": "a q axis out overwrite_input method keepdims",
    "ravel": "a order",
    "repeat": "a repeats axis",
    "reshape": "a newshape order",
    "roll": "a shift axis",
    "searchsorted": "a v side sorter",
    "sort": "a axis kind",
    "split": "ary indices_or_sections axis",
    "squeeze": "a axis",
    "std": "a axis dtype out ddof keepdims",
    "sum": "a axis dtype out keepdims",
    "swapaxes": "a axis1 axis2",
    "take": "a indices axis out",
    "take_along_axis": "a indices axis",
    "tensordot": "a b axes",
    "tile": "A reps",
    "transpose": "a axes",
    "tril": "m k",
    "triu": "m k",
    "unique": "ar return_index return_inverse return_counts axis equal_nan",
    "var": "a axis dtype out ddof keepdims",
    "where": "condition x y",
    "zeros_like": "a dtype order subok shape",
}
"""Function of arrays -> its parameters in CuPy (those by name, for `einsum`)."""

OF_LISTS = {
    "concatenate": "tup axis out dtype casting",
    "stack": "tup axis out dtype casting",
    "hstack": "tup dtype casting",
    "vstack": "tup dtype casting",
}

MAKERS = {
    "arange": "start stop step dtype",
    "empty": "shape dtype order",
    "eye": "N M k dtype order",
    "full": "shape fill_value dtype order",
    "linspace": "start stop num endpoint retstep dtype axis",
    "ones": "shape dtype order",
    "zeros": "shape dtype order",
}

LINALG = {
    "eigh": "a UPLO",
    "inv": "a",
    "norm": "x ord axis keepdims",
    "solve": "a b",
    "svd": "a full_matrices compute_uv",
}

FFT = ("fft2", "ifft2", "rfft2", "irfft2", "fftfreq", "rfftfreq", "fftshift", "ifftshift")

SAME = "bool_ float32 float64 int32 int64 uint8 complex64 complex128 inf nan pi e newaxis finfo iinfo dtype"
"""What CuPy has from NumPy as it is."""

METHODS = {
    "all": "axis out keepdims",
    "any": "axis out keepdims",
    "argmax": "axis out dtype keepdims",
    "argmin": "axis out dtype keepdims",
    "argsort": "axis",
    "astype": "dtype order casting subok copy",
    "clip": "min max out",
    "copy": "order",
    "fill": "value",
    "flatten": "order",
    "max": "axis out keepdims",
    "mean": "axis dtype out keepdims",
    "min": "axis out keepdims",
    "nonzero": "",
    "prod": "axis dtype out keepdims",
    "ravel": "order",
    "repeat": "repeats axis",
    "reshape": "shape order",
    "round": "decimals out",
    "squeeze": "axis",
    "std": "axis dtype out ddof keepdims",
    "sum": "axis dtype out keepdims",
    "swapaxes": "axis1 axis2",
    "take": "indices axis out",
    "transpose": "axes",
    "var": "axis dtype out ddof keepdims",
    "view": "dtype",
}
"""Method -> its parameters in CuPy."""
