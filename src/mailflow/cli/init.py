"""`mailflow init`: make a workspace. What goes into it: jobs/init.py and packs/."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailflow.cli.frame import Format, Session, command

if TYPE_CHECKING:
    from mailflow.jobs.init import NewWorkspace

_WHAT = {
    "mailflow.yaml": "your shop's name, sender, relay and limits: look here first",
    "brand.yaml": "logo, colours, tone, words you never write",
    "segments.yaml": "named rules that say who belongs together",
    "traits.yaml": "what people care about, told by signs",
    "offers.yaml": "codes for your customers: examples, all switched off",
    "grammar.yaml": "rules by which `mailflow draft` words a letter anew",
    "templates/": "messages: {}",
    "campaigns/": "campaigns: {}",
    "mailflow.db": "the database, empty so far",
    ".gitignore": "keeps customer data out of version control",
}


@command
def init(
    session: Session,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="The folder to make it in; this one if not given.", show_default=False),
    ] = None,
    pack: Annotated[str, typer.Option(metavar="NAME", help="Which starting files.")] = "shop",
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Your shop's name.", show_default=False)] = None,
    email: Annotated[
        str | None, typer.Option(metavar="EMAIL", help="The address your mail is from.", show_default=False)
    ] = None,
    address: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Your postal address.", show_default=False)
    ] = None,
    currency: Annotated[
        str | None, typer.Option(metavar="CODE", help="Three capitals; EUR if not given.", show_default=False)
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="Such as Europe/Vienna; this machine's if not given.", show_default=False),
    ] = None,
) -> None:
    """Make a workspace: settings, segments, three messages, two campaigns, an empty database.

    Nothing that is there is overwritten, and nothing is asked. Everything it writes can be changed with a text editor.
    Without a relay in mailflow.yaml no mail leaves this machine.

    \b
    Examples:
      mailflow init shop
      mailflow init shop --name "Tea & Co" --email hi@tea.example --currency EUR
    """
    from mailflow.jobs import init as job

    said = {"name": name, "email": email, "address": address, "currency": currency}
    zone = timezone or job.system_zone(os.environ)
    brand = job.Brand(timezone=zone, **{key: value for key, value in said.items() if value is not None})
    made = job.init(folder or session.workspace_option or Path(), brand, pack=pack)
    if session.format is not Format.TABLE:
        session.emit([{"workspace": str(made.workspace.root), "made": made.made, "kept": made.kept}], str)
    _tell(session, made)


def _tell(session: Session, new: NewWorkspace) -> None:
    session.say(f"Made a workspace in {new.workspace.root}")
    for name, words in _WHAT.items():
        inside = [Path(made).stem for made in new.made if made.startswith(name)]
        if inside:
            session.say(f"  {name:<15} {words.format(', '.join(inside))}")
    if new.kept:
        session.say(f"Left as they were: {', '.join(new.kept)}")
    if ".gitignore" in new.kept:
        session.say("If this folder is in git, add these lines to .gitignore: mailflow.db* and .mailflow/")
    session.say("No relay is set, so every send is a rehearsal into .mailflow/rehearsal:\nnobody gets mail.")
    session.say("\nNext:")
    if new.workspace.root != Path.cwd().resolve():
        session.say(f"  cd {shlex.quote(os.path.relpath(new.workspace.root))}")
    session.say("  mailflow import contacts.csv orders.csv    (your own files)")
    session.say("  mailflow segment                           (who your customers are)")
    session.say("  mailflow plan thank_you                    (who would get a letter, and why)")
