"""Tests that compute in NumPy with ``--array standin`` or ``cupy``, too, and why: the end of the run lists them."""

REASONS = {
    "tests/arrays/": "moves arrays itself",
    "tests/refvis/featurevis/test_golden.py::test_it_agrees_with_the_original[fv_zoo": "has a power in NumPy",
    "tests/refvis/featurevis/test_occlusion.py::test_noise_is_uniform": "looks on from inside the network",
    "tests/layers/base/test_scatter_add.py": "compares the host's way with the GPU's",
    "tests/layers/base/test_arrays.py": "has a CuPy of its own",
    "tests/layers/fast/test_conv_winograd.py": "Winograd's convolutions are for NumPy",
    "tests/layers/test_without_fast.py": "its other process computes in NumPy",
    "tests/layers/incremental/test_plan.py::test_memory_is_bounded": "measures the host's memory",
    "tests/layers/test_errors.py::test_arrays_that_compute_by_other_rules": "is about NumPy's subclasses",
    "tests/layers/test_errors.py::test_only_real_numbers": "is about dtypes that only NumPy has",
    "tests/layers/test_storage_orders.py": "is about how NumPy stores arrays",
    "tests/peers/": "PyTorch computes on the host",
    "tests/refvis/dataset_examples/test_examples.py::test_images_of_several_sizes_w": "moves nothing",
    "tests/refvis/commands/": "the command line computes in NumPy",
    "tests/refvis/machine/test_info.py": "has a CuPy of its own",
    "tests/refvis/images/test_preprocessing.py": "images are read on the host",
    "tests/refvis/input_modification/test_occlusion_runs.py::test_memory_is_bounded": "measures the host's memory",
    "tests/refvis/test_real_graphs.py::test_registered_layers_denoise": "registers layers that are written in NumPy",
    "tests/refvis/report/": "the report is the command line's",
    "tests/refvis/scenes/": "scenes are drawn on the host",
    "tests/test_": "examines the repository, its benchmarks and pages",
    "tests/weights/": "files are read into NumPy's arrays",
}
"""Beginning of a test's name -> why it stays."""


def reason(name: str) -> str | None:
    """Return why the test of that name stays on the host, None for one that goes over."""
    return next((why for start, why in REASONS.items() if name.startswith(start)), None)


def listed(names: list[str]) -> list[str]:
    """Return a line for each reason: the tests that stay for it, counted."""
    counts = {start: sum(name.startswith(start) for name in names) for start in REASONS}
    return [f"{start}: {count} tests, {REASONS[start]}" for start, count in counts.items() if count]
