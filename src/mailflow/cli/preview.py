"""`mailflow preview`: what one person would get from a template. The making: jobs/preview.py."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from mailflow.cli.frame import Format, Record, Session, command
from mailflow.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mailflow.jobs.preview import Preview


@command
def preview(
    session: Session,
    template: Annotated[
        str, typer.Argument(metavar="TEMPLATE", help="As in templates/, without .md.", show_default=False)
    ],
    email: Annotated[
        str | None,
        typer.Option("--for", metavar="EMAIL", help="For this contact; else for a sample person.", show_default=False),
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the message in a browser.")] = False,
    eml: Annotated[bool, typer.Option("--eml", help="Print the exact bytes that would go out.")] = False,
    html: Annotated[bool, typer.Option("--html", help="Print the HTML part only.")] = False,
    text: Annotated[bool, typer.Option("--text", help="Print the text part only.")] = False,
) -> None:
    """Show what one person would get from a template. Nothing is sent.

    \b
    Examples:
      mailflow preview thank_you
      mailflow preview thank_you --for ada@example.com --open
      mailflow preview thank_you --for ada@example.com --eml > thank_you.eml
    """
    from mailflow.jobs import preview as job

    if eml + html + text > 1:
        raise UsageError("--eml, --html and --text each print one thing: say one of them")
    made = job.preview(session.workspace, template, email, now=session.now)
    if made.is_sample:
        session.say(f"For {made.email}, a sample person; --for EMAIL shows it for one of your contacts.")
    for problem in made.rendered.problems:
        session.say(f"warning: {problem}")
    if open_page:
        _open(session, made)
    if eml:
        sys.stdout.buffer.write(made.data)
        sys.stdout.buffer.flush()
    elif html or text:
        print(made.rendered.html if html else made.rendered.text, end="")
    elif not open_page or session.format is not Format.TABLE:
        session.emit_object(_record(made), lambda: _letter(made))


def _open(session: Session, made: Preview) -> None:
    import webbrowser

    from mailflow.jobs.preview import write_page

    page = write_page(session.workspace, made)
    opened = webbrowser.open(page.as_uri())
    session.say(f"{page}" if opened else f"No browser could be opened here; the page is {page}")


def _record(made: Preview) -> Record:
    return {
        "template": made.template,
        "email": made.email,
        "sample": made.is_sample,
        "from": made.from_header,
        "subject": made.rendered.subject,
        "preheader": made.rendered.preheader,
        "text": made.rendered.text,
        "html": made.rendered.html,
        "bytes": len(made.data),
        "problems": [str(problem) for problem in made.rendered.problems],
    }


def _letter(made: Preview) -> RenderableType:
    """Return head and text part as a terminal shows them; what is somebody's data is never markup."""
    from rich.console import Group
    from rich.rule import Rule
    from rich.table import Table
    from rich.text import Text

    head = Table.grid(padding=(0, 2))
    lines = (
        ("From", made.from_header),
        ("To", made.email),
        ("Subject", made.rendered.subject),
        ("Preheader", made.rendered.preheader),
        ("Size", f"{len(made.data) / 1024:.0f} KB"),
    )
    for name, value in lines:
        head.add_row(Text(name, style="bold"), Text(_visible(value)))
    return Group(head, Rule(style="dim"), Text(_visible(made.rendered.text).rstrip("\n")))


def _visible(text: str) -> str:
    """Return text without what would steer the terminal."""
    return "".join(
        character for character in text if character == "\n" or character.isprintable() or character == "\xa0"
    )
