"""`mailflow draft`: other wordings of a template as files to be read, and the signature of who read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mailflow import clock
from mailflow.cli.frame import Record, Session, command
from mailflow.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mailflow.jobs.drafts import Draft, Drafted

_COLUMNS = ("template", "file", "subject", "reviewed", "trouble", "findings")


@command
def draft(
    session: Session,
    template: Annotated[
        str | None,
        typer.Argument(metavar="TEMPLATE", help="The template to word anew; without one, the drafts are listed."),
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", metavar="N", min=1, max=20, help="How many drafts.")] = 3,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Another number, other drafts; the same one, the same.")
    ] = 1,
    with_: Annotated[
        str | None,
        typer.Option(
            "--with",
            help="Ask this command for the wordings, in place of grammar.yaml: text in, text out.",
            metavar="COMMAND",
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="TIME", help="How long the command may take for one draft.")
    ] = "60s",
    reviewed_by: Annotated[
        str | None,
        typer.Option(
            "--reviewed-by", help="Sign the draft TEMPLATE: you have read it.", metavar="NAME", show_default=False
        ),
    ] = None,
) -> None:
    """Write other wordings of a template as drafts, for you to read. A draft nobody has reviewed is never sent.

    The wordings come from the rules in grammar.yaml, by chance that the seed repeats, or from any command that reads
    text and writes text. They land in templates/drafts; `mailflow preview` shows one, and with --reviewed-by it becomes
    a template like any other, until somebody changes it. See docs/drafts.md.

    \b
    Examples:
      mailflow draft win_back
      mailflow draft win_back --count 5 --seed 7
      mailflow draft win_back --with "llm -m mistral"
      mailflow draft drafts/win_back.a --reviewed-by Anna
      mailflow draft
    """
    from mailflow.jobs import drafts as job

    workspace = session.workspace
    if template is None:
        if with_ is not None or reviewed_by is not None:
            raise UsageError("name a template: mailflow draft TEMPLATE")
        _show(session, job.drafts(workspace))
        return
    if reviewed_by is not None:
        signed = job.sign(workspace, template, reviewed_by, clock.local_date(session.now, workspace.settings.zone))
        _show(session, [signed])
        session.say(f"{signed.name} may be sent now, as it stands: `template: {signed.name}` in a campaign")
        return
    _show_made(session, _made(session, template, count, seed, with_, timeout))


def _made(session: Session, template: str, count: int, seed: int, command: str | None, timeout: str) -> Drafted:
    from mailflow.jobs import drafts as job

    workspace = session.workspace
    source = job.open_source(workspace, template)
    if command is None:
        wordings = job.by_grammar(workspace, source, name=template, seed=seed, wanted=count)
        return job.write(workspace, template, source, wordings, wanted=count, now=session.now)
    seconds = clock.parse_duration(timeout).total_seconds()
    with session.progress("Asking for wordings", count) as advance:
        wordings = job.by_command(workspace, source, command, wanted=count, seconds=seconds, on_answer=advance)
        return job.write(workspace, template, source, wordings, wanted=count, now=session.now)


def _show_made(session: Session, made: Drafted) -> None:
    _show(session, made.drafts)
    for why in made.dropped:
        session.say(f"left out: {why}")
    if made.drafts:
        first = made.drafts[0].name
        session.say(
            f"read them (`mailflow preview {first} --open`), edit what you like, then sign:"
            f" `mailflow draft {first} --reviewed-by NAME`"
        )
    else:
        session.say("no draft was written")


def _show(session: Session, drafts: list[Draft] | tuple[Draft, ...]) -> None:
    rows = [_record(one) for one in drafts]
    session.emit(rows, lambda: _table(drafts) if drafts else "No drafts.", columns=_COLUMNS)


def _record(draft: Draft) -> Record:
    return {
        "template": draft.name,
        "file": draft.file,
        "subject": draft.subject,
        "reviewed": draft.trouble is None,
        "trouble": draft.trouble,
        "findings": list(draft.findings),
    }


def _table(drafts: list[Draft] | tuple[Draft, ...]) -> RenderableType:
    from mailflow.cli.plain import shown
    from mailflow.cli.tables import rows_table

    rows = [
        (shown(one.name), shown(one.subject), "\n".join(map(shown, (one.trouble or "reviewed", *one.findings))))
        for one in drafts
    ]
    return rows_table(rows, ["template", "subject", "state"])
