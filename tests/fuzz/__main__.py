"""Fuzzer of model files: ``PYTHONPATH=tests python -m fuzz --count 20000 --state FILE``.

Files that are made from seeds, and those of `crafted.py`, are read, shown and run, stage by stage (`stages.py`), in a
worker process at low priority. It is started anew when a file ends it or takes too long. The state file gets a line for
each file; a run that was cut off goes on where it stopped. At the end, the counts of all ends, the slowest file, and
the largest memory are printed.
"""

import argparse
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from fuzz.runner import crafted_names, results


def report(lines: list[Any]) -> int:
    """Print the figures of a run; return the number of files with a fault."""
    counts = Counter((stage, end.split(" (")[0][:80]) for _, found, _, _ in lines for stage, end in found.items())
    for (stage, end), number in sorted(counts.items()):
        print(f"{number:8,}  {stage}: {end}")
    slowest, largest = max(lines, key=lambda line: line[2]), max(lines, key=lambda line: line[3])
    print(f"{len(lines):8,}  files; slowest: {slowest[2]:.1f} s, {slowest[0]}")
    print(f"          largest memory: {largest[3] >> 20} MB, {largest[0]}")
    faults = [(name, found) for name, found, _, _ in lines if any(end.startswith("fault") for end in found.values())]
    for name, found in faults:
        print(f"{name}: {[f'{stage}: {end}' for stage, end in found.items() if end.startswith('fault')]}")
    return len(faults)


def main() -> int:
    """Run, or go on with a run; return 1 if any file ended in a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="how many mutated files; the crafted ones come first")
    parser.add_argument("--first", type=int, default=0, help="the seed of the first one")
    parser.add_argument("--state", type=Path, help="file of results, to go on with")
    parser.add_argument("--only-mutated", action="store_true", help="leave out the crafted files")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the worker ends, too
    lines = []
    if given.state and given.state.exists():
        lines = [json.loads(line) for line in given.state.read_text().splitlines()]
    done = {line[0] for line in lines}
    with (given.state or Path(os.devnull)).open("a") as state:
        listed = [str(seed) for seed in range(given.first, given.first + given.count)]
        listed = listed if given.only_mutated else [*crafted_names(), *listed]
        for line in results([name for name in listed if name not in done]):
            lines.append(line)
            state.write(json.dumps(line) + "\n")
            state.flush()
    return 1 if report(lines) else 0


if __name__ == "__main__":
    sys.exit(main())
