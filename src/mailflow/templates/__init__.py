"""A message from file to bytes: read a template, compile it once, render it per person, build what goes over the wire.

Pure: reads template files under the workspace's `templates/`, knows no store, no network and no clock. Who gets it and
what is known about them: outbox. What a file may say: source.py; what a tag may do: environment.py and guard.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mailflow.templates.parts import Envelope, Rendered, TemplateError

if TYPE_CHECKING:
    from mailflow.templates.compile import CompiledTemplate
    from mailflow.templates.linking import How

__all__ = ["Envelope", "Rendered", "TemplateError", "load"]


def load(folder: Path, name: str, how: How | None = None, *, unreviewed: bool = False) -> CompiledTemplate:
    """Read and compile the template `name` (such as `cart/reminder`) of the folder `templates/`, once for many people.

    `how` is what becomes of its links, by the settings. `TemplateError` names every problem of its files with file and
    line, drafts that nobody has reviewed among them unless it is only to be looked at (`unreviewed`).
    """
    from mailflow.templates import review
    from mailflow.templates.compile import compile_template  # jinja2, css-inline and markdown-it take 0.2 s to import

    template = compile_template(folder, name) if how is None else compile_template(folder, name, how)
    if not unreviewed:
        review.check(template.files, folder.name)
    return template
