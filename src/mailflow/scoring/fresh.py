"""Whether the kept scores still hold, and how a command without pandas gets new ones: from a child process."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from mailflow import clock, errors
from mailflow.config import Settings
from mailflow.config.rates import RATES_FILE
from mailflow.store import Connection, imports, scores

RFM_VERSION = 1  # goes up when analytics.rfm gives other results for the same data


def is_stale(db: Connection, settings: Settings, *, root: Path, now: datetime) -> bool:
    """Say whether the kept RFM scores are of other data, settings or rates, or of another day than today."""
    run = scores.latest(db, scores.RFM)
    if run is None or run.version != RFM_VERSION or run.as_of != clock.local_date(now, settings.zone):
        return True
    return any(run.inputs.get(name) != value for name, value in inputs(db, settings, root=root).items())


def inputs(db: Connection, settings: Settings, *, root: Path) -> Mapping[str, str]:
    """Return what RFM scores depend on beside the day: the data's version, and hashes of settings and rates."""
    chosen = (settings.rfm.model_dump_json(), settings.currency, settings.timezone)
    rates = root / RATES_FILE
    return {
        "data_version": str(imports.data_version(db)),
        "settings": _hash("\n".join(chosen).encode()),
        "rates": _hash(rates.read_bytes()) if rates.is_file() else "",
    }


def refresh_in_child(root: Path, *, now: datetime | None = None) -> None:
    """Run `mailflow score --if-stale` in a process of its own, so that the caller never loads pandas.

    `now` is handed on where the caller's clock was set. Its failure is raised here, with its words and exit code.
    """
    command = [sys.executable, "-m", "mailflow", "score", "--if-stale", "--quiet", "--workspace", str(root)]
    if now is not None:
        command += ["--now", clock.iso(now)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise _failure(done.returncode, done.stderr.strip())


def _failure(code: int, words: str) -> errors.MailflowError:
    kinds = (errors.UsageError, errors.DataError, errors.UnavailableError, errors.BusyError, errors.ConfigError)
    kind = next((kind for kind in kinds if kind.exit_code == code), errors.UnavailableError)
    return kind(words.removeprefix("mailflow: ") or f"computing scores ended with code {code}")


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
