"""`mailflow preview`: what one person would get from a template. The making: jobs/preview.py; variants: beside this."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from mailflow.cli.frame import Format, Record, Session, command
from mailflow.cli.plain import harmless, steerless, visible
from mailflow.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from mailflow.jobs.preview import Preview
    from mailflow.reports.preview_page import Letter
    from mailflow.workspace import Workspace


_Template = Annotated[
    str, typer.Argument(metavar="TEMPLATE", help="As in templates/, without .md.", show_default=False)
]
_For = Annotated[
    str | None,
    typer.Option("--for", metavar="EMAIL", help="For this contact; else for a sample person.", show_default=False),
]
_EachVariant = Annotated[
    bool, typer.Option("--each-variant", help="Each way through its conditions that a real person takes, once.")
]
_Open = Annotated[bool, typer.Option("--open", help="Open a page with it in a browser.")]
_Serve = Annotated[
    bool, typer.Option("--serve", help="Serve that page to this computer, anew on each reload, until Ctrl-C.")
]
_Port = Annotated[
    int,
    typer.Option(min=0, max=65535, metavar="PORT", help="For --serve; else a free one.", show_default=False),
]
_Pictures = Annotated[bool, typer.Option("--pictures", help="Let the page load pictures from the web.")]
_Eml = Annotated[bool, typer.Option("--eml", help="Print the exact bytes that would go out.")]
_Html = Annotated[bool, typer.Option("--html", help="Print the HTML part only.")]
_Text = Annotated[bool, typer.Option("--text", help="Print the text part only.")]
_Archive = Annotated[
    bool, typer.Option("--archive", help="Print the page that `view_url` leads to, read in a browser.")
]


@command
def preview(
    session: Session,
    template: _Template,
    email: _For = None,
    each_variant: _EachVariant = False,
    open_page: _Open = False,
    serve: _Serve = False,
    port: _Port = 0,
    pictures: _Pictures = False,
    eml: _Eml = False,
    html: _Html = False,
    text: _Text = False,
    archive: _Archive = False,
) -> None:
    """Show what one person would get from a template, or each variant of it. Nothing is sent.

    \b
    Examples:
      mailflow preview thank_you
      mailflow preview thank_you --for ada@example.com --open
      mailflow preview thank_you --for ada@example.com --eml > thank_you.eml
      mailflow preview thank_you --each-variant
      mailflow preview thank_you --each-variant --serve
      mailflow preview thank_you --archive > thank_you.html
    """
    _check(each_variant, email, serve, port, open_page or serve, pictures, sum((eml, html, text)))
    if archive:
        asks_for_more = bool(serve or open_page or each_variant or email or eml or html or text)
        _archive(session, template, asks_for_more=asks_for_more)
    elif serve:
        _serve(session, _Page(template, email, each_variant, pictures), port, open_page=open_page)
    elif each_variant:
        _variants(session, template, open_page=open_page, pictures=pictures)
    else:
        _one(session, template, email, open_page=open_page, pictures=pictures, part=_part(eml, html, text))


def _check(
    each_variant: bool, email: str | None, serve: bool, port: int, page: bool, pictures: bool, parts: int
) -> None:
    """Refuse options that say different things."""
    if parts > 1:
        raise UsageError("--eml, --html and --text each print one thing: say one of them")
    if each_variant and (email or parts):
        raise UsageError("--each-variant shows messages of several people: leave out --for, --eml, --html and --text")
    if serve and parts:
        raise UsageError("--serve shows everything on a page: leave out --eml, --html and --text")
    if port and not serve:
        raise UsageError("--port is for --serve: say both")
    if pictures and not page:
        raise UsageError("--pictures is for the page: say --open or --serve too")


def _archive(session: Session, template: str, *, asks_for_more: bool) -> None:
    """Print the page for reading in a browser."""
    from mailflow.jobs import preview as job

    if asks_for_more:
        raise UsageError("--archive prints the one page that everybody may read; --open and --serve show it too")
    page = job.in_browser(session.workspace, template, now=session.now)
    for problem in page.problems:
        session.say(problem)
    print(page.html, end="", file=harmless(sys.stdout))


def _part(eml: bool, html: bool, text: bool) -> str:
    return "eml" if eml else "html" if html else "text" if text else ""


def _one(session: Session, template: str, email: str | None, *, open_page: bool, pictures: bool, part: str) -> None:
    from mailflow.jobs import preview as job

    made = job.preview(session.workspace, template, email, now=session.now)
    if made.is_sample:
        session.say(f"For {made.email}, a sample person; --for EMAIL shows it for one of your contacts.")
    said = job.remarks(session.workspace, template, session.now)
    for remark in (*(f"warning: {problem}" for problem in made.rendered.problems), *said):
        session.say(remark)
    if open_page:
        _open(session, template, [made.letter()], said, pictures=pictures)
    if part == "eml":
        sys.stdout.buffer.write(made.data)
        sys.stdout.buffer.flush()
    elif part:
        print(made.rendered.html if part == "html" else made.rendered.text, end="", file=harmless(sys.stdout))
    elif not open_page or session.format is not Format.TABLE:
        session.emit_object(_record(made), lambda: _letter(made))


def _variants(session: Session, template: str, *, open_page: bool, pictures: bool) -> None:
    from mailflow.cli import preview_variants
    from mailflow.jobs import preview as job
    from mailflow.jobs import variants

    with session.progress("Looking at readers") as tell:
        found = variants.variants(session.workspace, template, now=session.now, tell=tell)
    said = [*preview_variants.remarks(found), *job.remarks(session.workspace, template, session.now)]
    for remark in said:
        session.say(remark)
    letters = preview_variants.letters(found)
    if open_page and letters:
        _open(session, template, letters, said, pictures=pictures)
    if not open_page or session.format is not Format.TABLE:
        preview_variants.emit(session, found)
    preview_variants.raise_for_failures(found)


def _open(session: Session, template: str, letters: Sequence[Letter], said: Sequence[str], *, pictures: bool) -> None:
    """Write the page of some messages and open it."""
    import webbrowser

    from mailflow.jobs import preview as job

    shown, more = job.with_page(session.workspace, template, letters, session.now)
    page = job.write_page(session.workspace, template, shown, remarks=[*said, *more], pictures=pictures)
    opened = webbrowser.open(page.as_uri())
    session.say(f"{page}" if opened else f"No browser could be opened here; the page is {page}")


@dataclass(frozen=True, slots=True)
class _Page:
    """What is asked to be on a page that is served."""

    template: str
    email: str | None
    each_variant: bool
    pictures: bool

    def made(self, workspace: Workspace, now: datetime) -> str:
        """Return the page as the files are now."""
        from mailflow.cli import preview_variants
        from mailflow.jobs import preview as job
        from mailflow.jobs import variants
        from mailflow.reports import preview_page

        said = job.remarks(workspace, self.template, now)
        if self.each_variant:
            found = variants.variants(workspace, self.template, now=now)
            letters = preview_variants.letters(found)
            if not letters:
                preview_variants.raise_for_failures(found)
            failures = (failure.problem for failure in found.failures)
            said = [*preview_variants.remarks(found), *failures, *said]
        else:
            letters = [job.preview(workspace, self.template, self.email, now=now).letter()]
        shown, more = job.with_page(workspace, self.template, letters, now)
        return preview_page.render(self.template, shown, remarks=[*said, *more], pictures=self.pictures)


def _serve(session: Session, page: _Page, port: int, *, open_page: bool) -> None:
    """Serve a page until Ctrl-C; its address goes to stdout, for what reads it."""
    import signal
    import webbrowser

    from mailflow import clock
    from mailflow.jobs import preview as job
    from mailflow.jobs.preview_server import Pages, Server

    def make(workspace: Workspace) -> str:
        return page.made(workspace, session.now if session.now_option else clock.now())

    job.check(session.workspace, page.template, page.email)
    with Server(Pages(session.workspace.root, page.template, make), port) as server:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        session.emit_object({"url": server.address}, lambda: server.address)
        sys.stdout.flush()
        session.say("Mend the files and load the page again. Ctrl-C stops.")
        if open_page and not webbrowser.open(server.address):
            session.say("No browser could be opened here: open the address in one of this computer.")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            session.say("Stopped.")


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
        head.add_row(Text(name, style="bold"), Text(visible(value)))
    return Group(head, Rule(style="dim"), Text(steerless(made.rendered.text).rstrip("\n")))
