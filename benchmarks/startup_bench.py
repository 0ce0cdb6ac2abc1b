"""How long a command takes to begin: `mailflow --help`, and `mailflow run` with nothing due, against sqlite-utils."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from paired import BIN, Contender, Limit, clean_environment, compare, compile_sources, report

ROUNDS = 15  # short runs: more of them cost little


def main() -> int:
    """Measure and report."""
    compile_sources()
    with tempfile.TemporaryDirectory() as folder:
        shop = Path(folder) / "shop"
        subprocess.run([BIN / "mailflow", "init", shop, "--quiet"], check=True, env=clean_environment())
        peer, shown, ticked = compare(
            [
                Contender("sqlite-utils --help", [BIN / "sqlite-utils", "--help"]),
                Contender("mailflow --help", [BIN / "mailflow", "--help"]),
                Contender("mailflow run, nothing due", [BIN / "mailflow", "run", "--workspace", shop]),
            ],
            rounds=ROUNDS,
        )
    limits = [
        Limit("mailflow --help × sqlite-utils --help", shown.ratio, 0.45),
        Limit("mailflow run × sqlite-utils --help", ticked.ratio, 0.6),
    ]
    return report("Start-up", [peer, shown, ticked], limits)


if __name__ == "__main__":
    sys.exit(main())
