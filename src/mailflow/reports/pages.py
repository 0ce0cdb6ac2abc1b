"""What all pages share: where their templates are, and how names are written in words. Their head: page.html.

A page is one file that needs nothing else: no network, no script; in a browser, on a phone or on paper.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template


def template(name: str) -> Template:
    """Return a page's template, which lies beside this file."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    loader = FileSystemLoader(Path(__file__).parent, encoding="utf-8")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["words"] = words
    environment.filters["grouped"] = grouped
    environment.filters["percent"] = percent
    return environment


def words(name: str) -> str:
    """Return a name of ours as words: `first_name` is `first name`."""
    return name.replace("_", " ")


def grouped(value: int | str) -> str:
    """Return a number or a decimal string with thousands separated: 1,234.50."""
    whole, point, part = str(value).partition(".")
    sign = "-" if whole.startswith("-") else ""
    return f"{sign}{int(whole.lstrip('-')):,}{point}{part}"


def percent(share: float) -> str:
    """Return a share of 0 to 1 as a percentage with one digit; what is there but rounds to nothing shows as < 0.1 %."""
    return "< 0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"
