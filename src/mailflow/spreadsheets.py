"""What a spreadsheet would run as a formula, written such that it stays text. For all CSV that people open."""

from __future__ import annotations

import re

# What Excel, LibreOffice, Numbers and Google Sheets take for the start of a formula, the wide forms of East Asian
# keyboards among it, behind blanks and signs of no width too; and what ends a cell early (OWASP, CSV Injection).
_FORMULA = re.compile(r"[\s\x00-\x20\u200b-\u200f\u2060\ufeff]*[=+\-@＝＋－＠﹢﹣﹦﹫]|[\t\r\n]")
_NUMBER = re.compile(r"-\d+(?:\.\d+)?\Z", re.ASCII)


def safe(text: str) -> str:
    """Return a cell that a spreadsheet shows as it is: an apostrophe before what it would run; not before a number."""
    if text[:1].isalnum():  # nearly all cells
        return text
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.match(text) else text
