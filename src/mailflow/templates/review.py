"""Whether a draft was read by a person before it is sent, and is still what they read. Making drafts: jobs/drafts.

A template in `templates/drafts/`, or with a line `reviewed:` at its top, goes to nobody until that line names who read
it, when, and the mark of the text they read: `reviewed: Anna 2026-11-23 3f9c2a1b7d05`. A later edit changes the mark.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from mailflow.errors import Problem
from mailflow.templates.parts import TemplateError

DRAFTS = "drafts"
NO = "no"
_FRONT = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_LINE = re.compile(r"^reviewed[ \t]*:[ \t]*(?P<said>.*)\n?", re.MULTILINE)
_SIGNED = re.compile(r"(?P<who>\S.*?) +(?P<day>\d{4}-\d{2}-\d{2}) +(?P<mark>[0-9a-f]{12})\Z")
_NAME = re.compile(r"[^\W_][\w .@+'-]{0,59}\Z")


@dataclass(frozen=True, slots=True)
class Review:
    """Who read a text and when; `trouble` says why that does not count, None where it does."""

    who: str | None
    day: str | None
    trouble: str | None


def mark(text: str) -> str:
    """Return the mark of a text: 12 hex digits, the same whatever its review line says."""
    return hashlib.sha256(_without(text).encode()).hexdigest()[:12]


def of_text(text: str, *, is_draft: bool) -> Review | None:
    """Return the review of a template's text; None where it needs none: it is no draft, and has no review line."""
    front = _FRONT.match(text)
    line = _LINE.search(text, front.start(1), front.end(1)) if front else None
    if line is None:
        return Review(None, None, "nobody has reviewed it") if is_draft else None
    said = re.sub(r"\s+#.*\Z", "", line["said"]).strip().strip("\"'").strip()
    signed = _SIGNED.match(said)
    if signed is None:
        return Review(None, None, "nobody has reviewed it" if said.lower() in (NO, "") else "its review has no mark")
    same = signed["mark"] == mark(text)
    return Review(signed["who"], signed["day"], None if same else f"it was changed after {signed['who']} reviewed it")


def problems(files: Mapping[str, str], folder: str) -> list[Problem]:
    """Return which of a template's files (path as shown → text) must not be sent yet, each with what to do."""
    found = []
    for path, text in files.items():
        review = of_text(text, is_draft=is_draft(path, folder))
        if review is not None and review.trouble is not None:
            name = path.removeprefix(f"{folder}/").rpartition(".")[0]
            message = (
                f"{review.trouble}, so nobody gets it. Read it (`mailflow preview {name}`), then sign it:"
                f" `mailflow draft {name} --reviewed-by NAME`, or by hand `reviewed: NAME DATE {mark(text)}`"
            )
            found.append(Problem(path, message, _line_of(text)))
    return found


def check(files: Mapping[str, str], folder: str) -> None:
    """Raise `TemplateError` where one of a template's files must not be sent before somebody has read it."""
    wrong = problems(files, folder)
    if wrong:
        raise TemplateError(wrong)


def is_draft(path: str, folder: str) -> bool:
    """Say whether a file, by its path as it is shown, lies in the folder of drafts."""
    return path.startswith(f"{folder}/{DRAFTS}/")


def signed(text: str, who: str, day: date) -> str:
    """Return a template's text with the line that says who read it; `ValueError` for what is no name."""
    who = " ".join(who.split())
    if not _NAME.match(who):
        raise ValueError(f"{who!r} is not a name to sign with: letters, spaces and . ' - @ +, up to 60")
    return with_line(text, f"{who} {day.isoformat()} {mark(text)}")


def with_line(text: str, said: str) -> str:
    """Return a template's text with a review line at the end of its front matter, in place of any other."""
    plain = _without(text)
    front = _FRONT.match(plain)
    assert front is not None, "read as a template before"
    return f"{plain[: front.end(1)]}reviewed: {said}\n{plain[front.end(1) :]}"


def quoted(text: str) -> str:
    """Return text as a value of YAML on one line, whatever is in it."""
    return json.dumps(" ".join(text.split()), ensure_ascii=False)


def _without(text: str) -> str:
    """Return a text without its review line, as its mark is made of."""
    text = text.replace("\r\n", "\n")
    front = _FRONT.match(text)
    if front is None:
        return text
    return text[: front.start(1)] + _LINE.sub("", front[1]) + text[front.end(1) :]


def _line_of(text: str) -> int:
    front = _FRONT.match(text)
    line = _LINE.search(text, front.start(1), front.end(1)) if front else None
    return 1 if line is None else text.count("\n", 0, line.start()) + 1
