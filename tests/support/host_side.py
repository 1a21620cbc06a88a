"""Tests that compute in NumPy with ``--array standin`` or ``cupy``, too, and why: the end of the run lists them."""

REASONS = {
    "tests/arrays/": "moves arrays itself",
    "tests/featurevis/test_golden.py::test_it_agrees_with_the_original[fv_zoo": "replaces LRN's power by NumPy code",
    "tests/featurevis/test_occlusion.py::test_noise_is_uniform": "looks on from inside the network",
    "tests/layers/test_adding.py": "compares the host's way with the GPU's",
    "tests/layers/test_arrays.py": "has a CuPy of its own",
    "tests/layers/test_conv_winograd.py": "Winograd's convolutions are for NumPy",
    "tests/layers/test_incremental.py::test_memory_is_bounded": "measures the host's memory",
    "tests/peers": "PyTorch computes on the host",
    "tests/refvis/input_reconstruction/test_examples.py::test_images_of_several_sizes_without": "nothing to move",
    "tests/refvis/test_cli": "the command line computes in NumPy",
    "tests/refvis/test_info.py": "has a CuPy of its own",
    "tests/refvis/test_images.py": "images are read on the host",
    "tests/refvis/test_occlusion_runs.py::test_memory_is_bounded": "measures the host's memory",
    "tests/refvis/test_real_graphs.py::test_registered_layers_denoise": "registers layers that are written in NumPy",
    "tests/refvis/test_report": "the report is the command line's",
    "tests/scenes": "scenes are drawn on the host",
    "tests/test_": "examines the repository, its benchmarks and pages",
    "tests/weights": "files are read into NumPy's arrays",
}
"""Beginning of a test's name -> why it stays."""


def reason(name: str) -> str | None:
    """Return why the test of that name stays on the host, None for one that goes over."""
    return next((why for start, why in REASONS.items() if name.startswith(start)), None)


def listed(names: list[str]) -> list[str]:
    """Return a line for each reason: the tests that stay for it, counted."""
    counts = {start: sum(name.startswith(start) for name in names) for start in REASONS}
    return [f"{start}: {count} tests, {REASONS[start]}" for start, count in counts.items() if count]
