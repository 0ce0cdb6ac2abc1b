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

_Template = Annotated[
    str | None,
    typer.Argument(metavar="TEMPLATE", help="The template to word anew; without one, the drafts are listed."),
]
_Count = Annotated[int, typer.Option("--count", "-n", metavar="N", min=1, max=20, help="How many drafts.")]
_Seed = Annotated[int, typer.Option(metavar="N", help="Another number, other drafts; the same one, the same.")]
_With = Annotated[
    str | None,
    typer.Option(
        "--with",
        metavar="COMMAND",
        help="Ask this command for the wordings, in place of grammar.yaml: text in, text out.",
        show_default=False,
    ),
]
_Timeout = Annotated[str, typer.Option(metavar="TIME", help="How long the command may take for one answer.")]
_ReviewedBy = Annotated[
    str | None, typer.Option(metavar="NAME", help="Sign the draft TEMPLATE: you have read it.", show_default=False)
]


@command
def draft(
    session: Session,
    template: _Template = None,
    count: _Count = 3,
    seed: _Seed = 1,
    with_: _With = None,
    timeout: _Timeout = "60s",
    reviewed_by: _ReviewedBy = None,
) -> None:
    """Write other wordings of a template as drafts, for you to read. A draft nobody has reviewed is never sent.

    The wordings come from the rules in grammar.yaml, by chance that the seed repeats, or from any command that reads
    text and writes text. They land in templates/drafts, in every language that the template has. `mailflow preview`
    shows one, and with --reviewed-by it becomes a template like any other, until somebody changes it. See
    docs/drafts.md.

    \b
    Examples:
      mailflow draft win_back
      mailflow draft win_back --count 5 --seed 7
      mailflow draft win_back --with "llm -m mistral"
      mailflow draft drafts/win_back.a --reviewed-by Anna
      mailflow draft
    """
    from mailflow.jobs import drafts as job

    if template is None and (with_ is not None or reviewed_by is not None):
        raise UsageError("name a template: mailflow draft TEMPLATE")
    if template is None:
        _show(session, job.drafts(session.workspace))
    elif reviewed_by is not None:
        _sign(session, template, reviewed_by)
    elif with_ is not None:
        _by_command(session, template, with_, count, clock.parse_duration(timeout).total_seconds())
    else:
        _by_grammar(session, template, count, seed)


def _sign(session: Session, template: str, name: str) -> None:
    from mailflow.jobs import drafts as job

    workspace = session.workspace
    signed = job.sign(workspace, template, name, clock.local_date(session.now, workspace.settings.zone))
    _show(session, [signed])
    left = job.unsigned(workspace, signed)
    for other in left:
        session.say(f"still to be read and signed: `mailflow draft {other.name} --reviewed-by NAME`")
    if not left:
        whole = job.whole(workspace, signed)
        session.say(f"{whole} may be sent now, as it stands: `template: {whole}` in a campaign")


def _by_grammar(session: Session, template: str, count: int, seed: int) -> None:
    from mailflow.jobs import draft_words, drafts

    original = draft_words.Original.open(session.workspace, template)
    wordings = draft_words.by_grammar(session.workspace, original, seed=seed, wanted=count)
    made = drafts.write(session.workspace, original, wordings, wanted=count, now=session.now)
    for name in draft_words.unruled(session.workspace, original):
        session.say(f"{name} stays as it was: write rules for it under templates: in grammar.yaml (docs/drafts.md)")
    _show_made(session, made)


def _by_command(session: Session, template: str, command: str, count: int, seconds: float) -> None:
    from mailflow.jobs import draft_words, drafts

    workspace = session.workspace
    original = draft_words.Original.open(workspace, template)
    with session.progress("Asking for wordings", count * len(original.sources)) as advance:
        wordings = draft_words.by_command(
            workspace, original, command, wanted=count, seconds=seconds, on_answer=advance
        )
        made = drafts.write(workspace, original, wordings, wanted=count, now=session.now)
    _show_made(session, made)


def _show_made(session: Session, made: Drafted) -> None:
    _show(session, made.drafts)
    for why in made.dropped:
        session.say(f"left out: {why}")
    if made.drafts:
        first = made.drafts[0].name
        session.say(
            f"read them (`mailflow preview {first} --open`), edit what you like, then sign each:"
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
