"""Which file of the workspace says what a name in a template means, for a name that is not there.

`{{ contact.impact.trees }}` is added up by impact.yaml: where that does not know `trees`, this says what to write into
it. What else may be wrong with a name: environment and foreign.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from jinja2 import TemplateSyntaxError, nodes

from mailflow.templates import guard
from mailflow.templates.environment import HTML

_UNKNOWN = re.compile(r"there is no '(?P<name>[^']+)' here(?P<meant> \(.*\))?\Z", re.DOTALL)
_LONGEST = 60

_HERE = "beside mailflow.yaml"
_FIELD = ("mailflow.yaml", "declare it in mailflow.yaml, such as fields: {{{}: {{type: text}}}}")
# What a name is asked of: the file that says what it is, and what to write there; {} is the name.
_FILES: Mapping[str, tuple[str, str]] = {
    "contact.impact": (
        "impact.yaml",
        f'write into impact.yaml, {_HERE}, what it adds up, such as {{}}: {{{{sum: count, of: did("…")}}}}',
    ),
    "contact.traits": (
        "traits.yaml",
        f"write into traits.yaml, {_HERE}, what tells it, such as"
        " {}: {{signs: [{{rule: …, source: …, confidence: 90%}}]}}",
    ),
    "contact.attributes": _FIELD,
    "contact": _FIELD,
    "choices": (
        "choices.yaml",
        f"write into choices.yaml, {_HERE}, what it is, such as {{}}: {{{{default: {{{{text: …}}}}}}}}",
    ),
    "polls": (
        "polls.yaml",
        f"write into polls.yaml, {_HERE}, what it asks, such as {{}}: {{{{question: …, answers: {{{{a: …, b: …}}}}}}}}",
    ),
    "day": ("context.csv", f"give context.csv, {_HERE}, a column {{}}"),
}


def explained(said: str, text: str, line: int | None) -> str:
    """Return what was said of a name that is not there, with the file that it belongs into; anything else as it is.

    `text` is that of the file in which it was met, in `line`; None for anywhere.
    """
    match = _UNKNOWN.match(said)
    owner = next(filter(_FILES.get, _owners(text, line, match["name"])), None) if match else None
    if match is None or owner is None:
        return said
    file, what = _FILES[owner]
    if match["meant"]:  # most fields are built in
        return said if _FILES[owner] is _FIELD else f"{said}; {file} says what there is"
    return f"{said}: {what.format(match['name'][:_LONGEST])}"


def _owners(text: str, line: int | None, name: str) -> Iterator[str]:
    """Yield what a name is asked of in a line: `contact.impact` of `contact.impact.trees`."""
    try:
        tree = HTML.parse(text)
    except TemplateSyntaxError:
        return
    steps: list[nodes.Getattr | nodes.Getitem] = [*tree.find_all(nodes.Getattr), *tree.find_all(nodes.Getitem)]
    for step in steps:
        if line in (None, step.lineno) and _last(step) == name:
            yield guard.label(step.node)


def _last(step: nodes.Getattr | nodes.Getitem) -> object:
    if isinstance(step, nodes.Getattr):
        return step.attr
    return step.arg.value if isinstance(step.arg, nodes.Const) else None
