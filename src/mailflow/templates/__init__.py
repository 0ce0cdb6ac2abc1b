"""A message from file to bytes: read a template, compile it once, render it per person, build what goes over the wire.

Pure: reads template files under the workspace's `templates/`, knows no store, no network and no clock. Who gets it and
what is known about them: outbox. What a file may say: source.py; what a tag may do: environment.py and guard.py.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING

from mailflow.templates.parts import Envelope, Rendered, TemplateError

if TYPE_CHECKING:
    from mailflow.templates.compiled import CompiledTemplate
    from mailflow.templates.linking import How

__all__ = ["Compiled", "Envelope", "Rendered", "TemplateError", "load"]

Compiled = MutableMapping[tuple[Path, str, "How | None"], "CompiledTemplate"]  # by folder, name and how they are made


def load(
    folder: Path, name: str, how: How | None = None, *, unreviewed: bool = False, known: Compiled | None = None
) -> CompiledTemplate:
    """Read and compile the template `name` (such as `cart/reminder`) of the folder `templates/`, once for many people.

    `how` is what becomes of its links, by the settings. `TemplateError` names every problem of its files with file and
    line, drafts that nobody has reviewed among them unless it is only to be looked at (`unreviewed`). What is `known`
    is not compiled again, for a command that opens many campaigns at one time.
    """
    from mailflow.templates import review
    from mailflow.templates.compile import compile_template  # jinja2, css-inline and markdown-it take 0.2 s to import

    template = known.get((folder, name, how)) if known is not None else None
    if template is None:
        template = compile_template(folder, name) if how is None else compile_template(folder, name, how)
    if known is not None:
        known[folder, name, how] = template
    if not unreviewed:
        review.check(template.files, folder.name)
    return template
