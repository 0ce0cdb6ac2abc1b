"""`mailflow export`: hand data over, to a file for each noun or to stdout."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from mailflow.cli.frame import Format, Session, command
from mailflow.cli.plain import harmless, shown
from mailflow.errors import UsageError

_Nouns = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[WHAT]…",
        help="contacts, orders, order_lines, refunds, products, events, consents, segments; all if none is named.",
        show_default=False,
    ),
]
_Parquet = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Write WHAT.parquet into this folder.", show_default=False)
]
_Csv = Annotated[Path | None, typer.Option(metavar="DIR", help="Write WHAT.csv into this folder.", show_default=False)]
_Json = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Write WHAT.jsonl, an object a line, into this folder.", show_default=False),
]
_Raw = Annotated[
    bool, typer.Option("--raw/--excel-safe", help="CSV: leave text as it is that a spreadsheet would run.")
]


@command
def export(
    session: Session,
    nouns: _Nouns = None,
    parquet: _Parquet = None,
    csv: _Csv = None,
    json: _Json = None,
    raw: _Raw = False,
) -> None:
    """Hand data over as CSV, JSON or Parquet: to a folder, or one noun to stdout.

    Files hold what people told you: keep them as you keep the database. What is written to stdout is CSV unless
    --format says json or jsonl.

    \b
    Examples:
      mailflow export --csv out
      mailflow export orders refunds --parquet out
      mailflow export contacts --format jsonl
      mailflow segment --engine duckdb --from out
    """
    from mailflow.jobs import export as job

    chosen = [(shape, folder) for shape, folder in zip(job.Shape, (csv, json, parquet), strict=True) if folder]
    if len(chosen) > 1:
        raise UsageError("say one of --csv, --json, --parquet: each makes a file of every noun")
    if raw and chosen and chosen[0][0] is not job.Shape.CSV:
        raise UsageError("--raw is about CSV: JSON and Parquet hold every text as it is")
    wanted = job.check(nouns or [])
    if not chosen:
        _print(session, wanted, raw=raw)
        return
    shape, folder = chosen[0]
    with session.progress("exporting") as advance:
        found = job.to_folder(session.workspace, wanted, folder, shape, now=session.now, raw=raw, on_rows=advance)
        for one in found:
            session.say(f"{shown(one.path)}: {one.rows:,} rows")


def _print(session: Session, nouns: Sequence[str], *, raw: bool) -> None:
    from mailflow.jobs import export as job

    if len(nouns) != 1:
        raise UsageError("to stdout goes one noun: name it, or say --csv DIR, --json DIR or --parquet DIR for files")
    noun = nouns[0]
    if session.format in (Format.TABLE, Format.CSV):
        job.to_stream(session.workspace, noun, harmless(sys.stdout), now=session.now, raw=raw)
        return
    rows = (row for block in job.blocks(session.workspace, noun, now=session.now) for row in block)
    session.emit_stream(job.records(noun, rows), columns=())
