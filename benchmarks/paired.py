"""Run commands against each other and report ratios: what every benchmark here is made of.

A ratio is taken within one round (A, B, A, B, …), so that a machine that is busy for a while slows both; reported
is the median of the rounds with the least and the greatest. Times are of the whole process unless a contender reads
its own from what the command printed.
"""

from __future__ import annotations

import compileall
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
ROUNDS = 7
KIB_PER_MIB = 1024


def _nothing() -> None:
    """Do nothing: most commands need no preparation."""


@dataclass(frozen=True)
class Contender:
    """One command to measure.

    `before` runs before each round, unmeasured. `seconds` reads the time from what the command printed to stdout, for a
    contender whose own start-up is not what is compared.
    """

    name: str
    command: Sequence[str | Path]
    before: Callable[[], object] = _nothing
    seconds: Callable[[str], float] | None = None
    cwd: Path | None = None
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Measurement:
    """One run of one contender."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    output: str


@dataclass(frozen=True)
class Result:
    """All runs of one contender, and its ratio to the first one round by round."""

    name: str
    seconds: list[float]
    cpu_seconds: float
    peak_mib: float
    ratios: list[float]

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios."""
        return statistics.median(self.ratios)


@dataclass(frozen=True)
class Limit:
    """What a benchmark must reach: `result` at most, or at least, `bound` times its base."""

    what: str
    ratio: float
    bound: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether the measured ratio is within the bound."""
        return self.ratio >= self.bound if self.at_least else self.ratio <= self.bound

    def __str__(self) -> str:
        relation = "at least" if self.at_least else "at most"
        verdict = "holds" if self.holds else "MISSED"
        return f"{verdict}: {self.what}: {self.ratio:.2f} (wanted {relation} {self.bound})"


def clean_environment() -> dict[str, str]:
    """Return this environment without what slows Python's start: bytecode must be kept."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("PYTHONDONTWRITE", "COV_"))}


def measure(contender: Contender) -> Measurement:
    """Run a contender once; a command that fails ends the benchmark with what it said."""
    contender.before()
    environment = {**clean_environment(), **(contender.environment or {})}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in contender.command],
            stdout=out,
            stderr=err,
            stdin=subprocess.DEVNULL,
            cwd=contender.cwd,
            env=environment,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        output = out.read().decode(errors="replace")
        if process.returncode:
            raise SystemExit(
                f"{contender.name} ended with {process.returncode}:\n{err.read().decode(errors='replace')}"
            )
    if contender.seconds is not None:
        seconds = contender.seconds(output)
    return Measurement(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / KIB_PER_MIB, output)


def compare(contenders: Sequence[Contender], *, rounds: int = ROUNDS) -> list[Result]:
    """Run the contenders in turn, `rounds` times after one round that only warms up; ratios are to the first."""
    for contender in contenders:
        measure(contender)
    runs: list[list[Measurement]] = [[measure(contender) for contender in contenders] for _ in range(rounds)]
    results = []
    for place, contender in enumerate(contenders):
        mine = [row[place] for row in runs]
        results.append(
            Result(
                contender.name,
                seconds=[run.seconds for run in mine],
                cpu_seconds=statistics.median(run.cpu_seconds for run in mine),
                peak_mib=max(run.peak_mib for run in mine),
                ratios=[row[place].seconds / row[0].seconds for row in runs],
            )
        )
    return results


def table(results: Sequence[Result], *, per_second: int | None = None) -> str:
    """Return results as a Markdown table; `per_second` is the number of things done in a run, to show a rate."""
    rate_head = " per second |" if per_second else ""
    lines = [
        f"| what | median s |{rate_head} × the first (least–greatest) | CPU s | peak MiB |",
        f"|---|---|{'---|' if per_second else ''}---|---|---|",
    ]
    for result in results:
        median = statistics.median(result.seconds)
        rate = f" {per_second / median:,.0f} |" if per_second else ""
        spread = f"{result.ratio:.2f} ({min(result.ratios):.2f}–{max(result.ratios):.2f})"
        lines.append(
            f"| {result.name} | {median:.3f} |{rate} {spread} | {result.cpu_seconds:.2f} | {result.peak_mib:.0f} |"
        )
    return "\n".join(lines)


def machine() -> str:
    """Return one line on what this was measured with."""
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}"
    )


def report(title: str, results: Sequence[Result], limits: Sequence[Limit], *, per_second: int | None = None) -> int:
    """Print a benchmark's table and what it was to reach; return 1 if that was missed."""
    print(f"\n## {title}\n\n{machine()}; {len(results[0].ratios)} rounds\n")
    print(table(results, per_second=per_second))
    print("".join(f"\n{limit}" for limit in limits), flush=True)
    return int(not all(limit.holds for limit in limits))


def compile_sources() -> None:
    """Compile mailflow's modules, as an installed wheel has them."""
    compileall.compile_dir(ROOT / "src", quiet=2)
