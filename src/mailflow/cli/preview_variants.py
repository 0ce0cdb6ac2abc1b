"""Print the variants of a template, for `mailflow preview --each-variant`. Finding them: jobs/variants.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mailflow.cli.frame import Format, Record, Session
from mailflow.cli.plain import shown, visible
from mailflow.errors import PartialFailure

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mailflow.jobs.variants import Variant, Variants
    from mailflow.reports.preview_page import Letter
    from mailflow.templates.branches import Branch

_COLUMNS = ("number", "people", "example", "subject", "preheader", "branches", "bytes", "sample", "problem", "name")


def emit(session: Session, found: Variants) -> None:
    """Print variants in the format asked for; what nobody gets is said, or is in the JSON."""
    rows = [_record(found, number, variant) for number, variant in enumerate(found.variants, 1)]
    if session.format is Format.JSON:
        session.emit_object(_whole(found, rows), lambda: _table(found))
    else:
        session.emit(rows, lambda: _table(found), columns=_COLUMNS)


def raise_for_failures(found: Variants) -> None:
    """Raise `PartialFailure` where there are people whom no message can be made for."""
    problems = [f"{failure.problem} ({_people(failure.people)})" for failure in found.failures]
    problems += [variant.problem for variant in found.variants if variant.problem]
    if problems:
        raise PartialFailure("not every variant can be made:\n" + "\n".join(f"  {problem}" for problem in problems))


def remarks(found: Variants) -> Iterator[str]:
    """Yield sentences about what was found: whom it is for, and which branches nobody takes."""
    whom = f"the recipients of {_listed(found.campaigns)}" if found.campaigns else "everybody who may be mailed"
    count = sum(variant.people > 0 for variant in found.variants) + found.further
    if not found.people:
        yield f"Nobody gets it: there is none among {whom}."
    elif not count:
        yield f"It cannot be made for any of {_people(found.people)}: {whom}."
    else:
        least = "Over " if found.untold else ""
        variants = "One and the same message" if count == 1 else f"{least}{count:,} variants"
        yield f"{variants} for {_people(found.people)}: {whom}."
    if found.further:
        yield f"{found.further:,} rarer variants, for {_people(found.further_people)}, are not shown."
    if found.untold:
        yield (
            f"{_people(found.untold)} more get variants that are not told apart: there are too many of them. Fewer"
            " conditions beside each other make fewer variants."
        )
    for branch in found.unreached:
        yield f"Nobody takes {branch.place}{_for_whom(branch)}: {branch.words}"


def letters(found: Variants) -> list[Letter]:
    """Return the messages for a page."""
    return [
        variant.made.letter(people=variant.people, told=_names(found, variant))
        for variant in found.variants
        if variant.made
    ]


def _people(count: int) -> str:
    return f"{count:,} {'person' if count == 1 else 'people'}"


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _record(found: Variants, number: int, variant: Variant) -> Record:
    made = variant.made
    return {
        "number": number,
        "people": variant.people,
        "example": made.email if made else None,
        "subject": made.rendered.subject if made else None,
        "preheader": made.rendered.preheader if made else None,
        "branches": [_branch(branch) for branch in variant.branches],
        "bytes": len(made.data) if made else None,
        "sample": made.is_sample if made else False,
        "problem": variant.problem,
        "name": "; ".join(_names(found, variant)),
    }


def _names(found: Variants, variant: Variant) -> Sequence[str]:
    """Return for whom a variant is, in an owner's words."""
    return variant.told or ("what all get" if len(found.variants) == 1 else "all others",)


def _for_whom(branch: Branch) -> str:
    return "" if branch.name == branch.words else f" ({branch.name})"


def _branch(branch: Branch) -> dict[str, str | int]:
    return {"file": branch.file, "line": branch.line, "branch": branch.words, "name": branch.name}


def _whole(found: Variants, rows: list[Record]) -> Record:
    return {
        "template": found.template,
        "campaigns": found.campaigns,
        "people": found.people,
        "variants": rows,
        "unreached": [_branch(branch) for branch in found.unreached],
        "failures": [{"problem": failure.problem, "people": failure.people} for failure in found.failures],
        "further": found.further,
        "further_people": found.further_people,
        "untold": found.untold,
    }


def _table(found: Variants) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("people", justify="right", no_wrap=True)
    table.add_column("variant", ratio=3, overflow="fold")
    table.add_column("example", ratio=2, overflow="fold")
    table.add_column("subject", ratio=2, overflow="fold")
    for variant in found.variants:
        made = variant.made
        example = (visible(made.email) + (", a sample" if made.is_sample else "")) if made else "–"
        subject = shown(made.rendered.subject) if made else "cannot be made"
        people = f"{variant.people:,}" if variant.people else "nobody"
        cells = (people, "\n".join(map(visible, _names(found, variant))), example, subject)
        table.add_row(*map(Text, cells))
    return table
