"""Benchmarks that are quick at a small size still go through: what they measure is for `make bench`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lint_bench.py", "--people", "20", "--rounds", "1"], "keyed: render"),
        (["render_bench.py", "--messages", "20", "--rounds", "1"], "× bare"),
        (["keep_bench.py", "--contacts", "300", "--orders", "600"], "after one order"),
    ],
)
def test_a_benchmark_goes_through_at_a_small_size(words: list[str], said: str) -> None:
    name, *options = words
    done = subprocess.run([sys.executable, BENCHMARKS / name, *options], capture_output=True, text=True, timeout=300)
    assert said in done.stdout, done.stderr
    assert "Traceback" not in done.stderr
