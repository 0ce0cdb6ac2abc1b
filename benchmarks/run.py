"""Run the benchmarks, or those named: `python benchmarks/run.py startup send`. Each prints its table and its limits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main(names: list[str]) -> int:
    """Run each `*_bench.py` in a process of its own; return 1 if one failed or missed its limit."""
    known = {path.stem.removesuffix("_bench"): path for path in sorted(HERE.glob("*_bench.py"))}
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    ended = [subprocess.run([sys.executable, known[name]], check=False).returncode for name in names or known]
    return int(any(ended))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
