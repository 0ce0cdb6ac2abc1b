"""Know a file again that came in before, when nothing has changed since: then there is nothing to do.

The rule is exact: the same bytes, read in the same way by the same mailflow, without rejects, and neither contacts,
consent, suppressions nor anything else that imports write has changed after it. Importing twice changes nothing.
"""

from __future__ import annotations

import hashlib

from mailflow import __version__
from mailflow.importers.options import ImportOptions, ImportResult
from mailflow.importers.pipeline import Task
from mailflow.importers.recognition.layouts import load_layouts
from mailflow.importers.recognition.recognise import Recognised
from mailflow.store import imports
from mailflow.store.connection import Connection


def options_used(task: Task) -> dict[str, object]:
    """Return all that decides what the file's bytes mean, as it is kept with the import."""
    options = task.options
    return {
        "source": task.shop, "currency": options.currency, "timezone": str(options.zone), "map": dict(options.mapping),
        "date_format": options.date_format, "consent": options.basis, "evidence": options.evidence,
        "entry": options.entry, "layout": task.recognised.layout, "inferred": sorted(task.recognised.inferred),
        "read_as": _read_as(task.recognised, options),
    }  # fmt: skip


def find(db: Connection, task: Task) -> ImportResult | None:
    """Return what an earlier import of the same file says now, or None where it has to be read."""
    source, recognised = task.source, task.recognised
    earlier = imports.standing_twin(db, source.sha256, recognised.noun, recognised.tool, options_used(task))
    if earlier is None:
        return None
    unchanged = earlier.inserted + earlier.updated + earlier.unchanged
    note = f"The same file came in as import {earlier.id}, and nothing has changed since: there is nothing to do."
    return ImportResult(
        source.path, recognised.noun, recognised.tool, None, unchanged + earlier.merged, 0, 0, unchanged,
        earlier.merged, 0, None, [], [note], title=recognised.title, layout=recognised.layout, same_as=earlier.id,
    )  # fmt: skip


def _read_as(recognised: Recognised, options: ImportOptions) -> str:
    """Return a hash of how each column is read."""
    layouts = load_layouts() if options.layouts is None else options.layouts
    table = [each for each in layouts if (each.tool, each.name) == (recognised.tool, recognised.layout)]
    declared = sorted((name, field.type, field.multi) for name, field in options.fields.items())
    columns = (recognised.columns, recognised.attributes, recognised.header, recognised.day_order)
    facts = (__version__, *columns, table, declared)
    return hashlib.sha256(repr(facts).encode("utf-8", "replace")).hexdigest()[:16]
