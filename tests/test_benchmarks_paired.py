"""The ruler itself: interleaved runs, ratios within a round, and limits that say whether they hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from paired import Contender, Limit, compare, measure, report, table

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def _sleeper(name: str, seconds: float) -> Contender:
    return Contender(name, [sys.executable, "-S", "-c", f"import time; time.sleep({seconds})"])


def test_ratios_are_to_the_first_and_taken_round_by_round() -> None:
    slow, fast = compare([_sleeper("slow", 0.4), _sleeper("fast", 0.1)], rounds=3)
    assert slow.ratios == [1.0, 1.0, 1.0]
    assert fast.ratios == [mine / base for mine, base in zip(fast.seconds, slow.seconds, strict=True)]
    assert 0.1 < fast.ratio < 0.9


def test_contenders_run_in_turn_after_one_round_that_only_warms_up(tmp_path: Path) -> None:
    log = tmp_path / "log"
    writers = [Contender(name, ["sh", "-c", f"printf {name} >> {log}"]) for name in "ab"]
    compare(writers, rounds=2)
    assert log.read_text() == "ababab"


def test_a_contender_may_say_its_own_time() -> None:
    said = Contender("talks", ["echo", "2.5"], seconds=float)
    assert measure(said).seconds == 2.5


def test_the_peak_memory_is_that_of_the_command() -> None:
    # Asked by a small process, as benchmarks are: what a large one starts counts as no smaller than that.
    eaten = """\
import sys
from paired import Contender, measure
print(measure(Contender("eats", [sys.executable, "-S", "-c", "x = b'x' * 200_000_000"])).peak_mib)
"""
    done = subprocess.run(
        [sys.executable, "-c", eaten], cwd=BENCHMARKS, capture_output=True, text=True, check=True, timeout=60
    )
    assert 180 < float(done.stdout) < 400


def test_a_failing_command_ends_the_benchmark_with_what_it_said() -> None:
    with pytest.raises(SystemExit, match="no such thing"):
        measure(Contender("fails", ["sh", "-c", "echo no such thing >&2; exit 3"]))


def test_a_missed_limit_is_said_and_counts(capsys: pytest.CaptureFixture[str]) -> None:
    results = compare([_sleeper("one", 0.01)], rounds=1)
    missed = Limit("speed", 1.0, 1.2, at_least=True)
    assert report("A title", results, [missed, Limit("size", 1.0, 1.2)]) == 1
    printed = capsys.readouterr().out
    assert "MISSED: speed: 1.00 (wanted at least 1.2)" in printed
    assert "holds: size: 1.00 (wanted at most 1.2)" in printed


def test_the_table_shows_a_rate_where_there_is_one() -> None:
    results = compare([_sleeper("one", 0.1)], rounds=1)
    assert "per second" in table(results, per_second=10)
    assert "per second" not in table(results)
