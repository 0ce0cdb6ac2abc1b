"""What a spreadsheet would run as a formula, written such that it stays text. For all CSV that people open."""

from __future__ import annotations

import re

# What Excel, LibreOffice, Numbers and Google Sheets take for the start of a formula, the wide forms of East Asian
# keyboards among it, behind blanks and signs of no width too; and what ends a cell early (OWASP, CSV Injection).
_FORMULA = re.compile(r"[\s\x00-\x20\u200b-\u200f\u2060\ufeff]*[=+\-@＝＋－＠﹢﹣﹦﹫]|[\t\r\n]")
_NUMBER = re.compile(r"-\d+(?:\.\d+)?\Z", re.ASCII)


def safe(text: str) -> str:
    """Return a cell that a spreadsheet shows as it is: an apostrophe before what it would run; not before a number."""
    return f"'{text}" if _is_run(text) else text


def unsafe(text: str) -> str:
    """Return a cell that `safe` wrote as it was before, whatever it was."""
    return text[1:] if text[:1] == "'" and _is_run(text[1:]) else text


def _is_run(text: str) -> bool:
    """Whether a spreadsheet runs a cell; apostrophes before it count as none, so that one more can be told from it."""
    if text[:1].isalnum():  # nearly all cells
        return False
    bare = text.lstrip("'")
    return _FORMULA.match(bare) is not None and not _NUMBER.match(bare)
