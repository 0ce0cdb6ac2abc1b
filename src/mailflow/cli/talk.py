"""Print talk to stderr. Data goes to stdout, by frame.py."""

from __future__ import annotations

import shutil
import sys
import textwrap

from mailflow.cli.plain import steerless


def talk(text: str) -> None:
    """Print text to stderr, without what would steer a terminal, which may show it later.

    On a terminal, long lines are broken between words, as a terminal itself does not.
    """
    text = steerless(text)
    if not sys.stderr.isatty():
        print(text, file=sys.stderr)
        return
    width = max(40, shutil.get_terminal_size().columns)
    for line in text.splitlines():
        print(_broken(line, width), file=sys.stderr)


def _broken(line: str, width: int) -> str:
    """Return a line as several of at most `width` columns, indented as it is; a word that is longer stays whole."""
    if len(line) <= width:
        return line
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.fill(
        line.strip(),
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
