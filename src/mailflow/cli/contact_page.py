"""Print one person's profile for a terminal. For machines: contact_record; as HTML: reports/contact_page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from mailflow.cli.contact_record import fields
from mailflow.cli.plain import shown, visible
from mailflow.clock import from_ms, local_date, wall_text
from mailflow.jobs.present import in_words
from mailflow.model import ConsentState
from mailflow.store.contacts import further
from mailflow.store.origins import OriginKind

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from mailflow.jobs.profile import Profile
    from mailflow.store.ledger import Held
    from mailflow.store.lifecycle import StageNow
    from mailflow.store.timeline import Moment

_REMARKS = {
    "international": "letters beyond ASCII",
    "role": "a desk rather than a person",
    "throw_away": "a throw-away address",
}
_DITTO = '"'  # the same file as in the line above
_LINES_SHOWN = 6  # of one order
_STYLES = {
    "order": "green", "refund": "yellow", "offer": "green", "message": "blue", "consent": "magenta",
    "suppression": "red", "statement": "magenta", "event": "cyan", "score": "dim", "import": "dim", "merge": "dim",
}  # fmt: skip


def page(profile: Profile, zone: ZoneInfo) -> RenderableType:
    """Return a profile as a page: who, with the origin of each field; consent, orders; then what happened, latest last.

    The latest stands at the bottom, beside the prompt, where a terminal's reader looks first.
    """
    from rich.console import Group
    from rich.text import Text

    contact = profile.contact
    name = " ".join(filter(None, (contact.fields["first_name"], contact.fields["last_name"])))
    title = [visible(part) for part in (name, contact.email or contact.key) if part]
    return Group(
        Text("  ".join(title), style="bold"),
        Text(),
        _grid(_who(profile, zone), dim=2),
        Text(),
        _grid(
            [
                *_known(profile, zone),
                *_consent(profile, zone),
                *_bought(profile, zone),
                *in_words(profile.present, zone),
            ]
        ),
        Text(),
        Text(_heading(profile), style="bold"),
        _timeline(profile.timeline, zone),
    )


def _who(profile: Profile, zone: ZoneInfo) -> Iterator[tuple[str, str, str]]:
    """Yield (field, value, where it is from)."""
    contact = profile.contact
    known = {"email": contact.email, **fields(profile)} if contact.email else fields(profile)
    above = ""
    for name, value in known.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        origin = profile.origins.get(name)
        told = "" if origin is None else f"{local_date(origin.at, zone)} {origin.text}"
        is_same = origin is not None and origin.kind is OriginKind.IMPORT and told == above
        yield name, text, _DITTO if is_same else told
        above = told
    identities = [dict(one) for one in profile.identities]
    for kind, values, source in further(identities, contact.email, contact.fields["phone"]):
        yield kind.replace("_", " "), values, source
    if profile.company is not None:
        firm = profile.company
        yield "firm", ", ".join(filter(None, (firm.name or firm.domain, firm.industry, firm.size))), firm.source
    if profile.owner is not None:
        owner = profile.owner
        yield "looked after by", ", ".join(filter(None, (owner.name, owner.email, owner.phone))), owner.source
    if profile.merged:
        yield "merged", ", ".join(one.email or one.key for one in profile.merged), "the same person: contact merge"


def _known(profile: Profile, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    contact = profile.contact
    file = f" ({PurePath(profile.first.file).name})" if profile.first.file else ""
    read, since = local_date(contact.created_at, zone), local_date(profile.known_since, zone)
    yield "first heard of", f"{contact.source}{file}, {read}{'' if since == read else f'; known since {since}'}"
    yield "contact key", contact.key
    yield from _remarks(profile)


def _remarks(profile: Profile) -> Iterator[tuple[str, str]]:
    """Yield what is remarkable about the address; that anybody may have one at its provider is not."""
    told = [_REMARKS[word] for word in profile.flags.words if word in _REMARKS]
    if profile.flags.suggestion:
        told.append(f"perhaps a slip for {profile.flags.suggestion}")
    if told:
        yield "address", ", ".join(told)


def _consent(profile: Profile, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    if not any((held.channel, held.topic) == ("email", "") for held in profile.consent):
        yield "consent", "never: nothing says that they agreed to marketing mail"
    for held in profile.consent:
        what = " ".join(filter(None, ("" if held.channel == "email" else held.channel, held.topic)))
        yield f"consent {what}".rstrip(), standing(held, zone)
    for address, one in profile.suppressions:
        told = f": {one.evidence}" if one.evidence else ""
        yield "suppressed", f"{address}, {one.reason} since {wall_text(one.created_at, zone)}, from {one.source}{told}"


def standing(held: Held, zone: ZoneInfo) -> str:
    """Return what holds on one channel and topic as a phrase."""
    ground = "" if held.state is ConsentState.UNSUBSCRIBED else f", basis {held.basis}, for {held.address}"
    return f"{held.state} since {wall_text(held.since, zone)}{ground} (from {held.source})"


def _bought(profile: Profile, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    orders = profile.orders
    if orders is not None:
        revenue = ", ".join(f"{text} {currency}" for currency, text in orders.revenue.items())
        first, last = local_date(orders.first_at, zone), local_date(orders.last_at, zone)
        yield "orders", f"{orders.count:,}, {revenue}; the first on {first}, the last on {last}"
    if profile.stage is not None:
        yield "lifecycle", _stage(profile.stage, zone)
    if profile.rfm is not None:
        rfm = profile.rfm
        yield "class", f"{rfm.name} (R {rfm.r}, F {rfm.f}, M {rfm.m}) as of {rfm.as_of}"
    if profile.segments:
        yield "segments", ", ".join(profile.segments)
    if profile.favourite_category is not None:
        yield "buys most", profile.favourite_category
    for trait in profile.traits:
        yield f"trait {trait.name}", trait.in_words()
    for score in profile.scores:
        yield score.name, f"{round(score.value, 4):,} as of {score.as_of}"


def _stage(stage: StageNow, zone: ZoneInfo) -> str:
    """Return a lifecycle stage as a phrase, with what decided it when it began."""
    why = "" if stage.gap is None else f": {stage.silence_days} days since the last order, usual gap {stage.gap_days}"
    return f"{stage.stage} since {local_date(from_ms(stage.entered_at), zone)}{why}"


def _heading(profile: Profile) -> str:
    if not profile.timeline:
        return "Nothing that happened is asked for" if profile.earlier else "Nothing happened yet"
    if profile.earlier:
        return (
            f"What happened, the latest {len(profile.timeline):,}; --limit 0 shows {profile.earlier:,} earlier ones too"
        )
    return "What happened"


def _timeline(moments: Sequence[Moment], zone: ZoneInfo) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for moment in moments:
        what = str(moment.what)
        grid.add_row(wall_text(moment.at, zone), Text(what, style=_STYLES[what]), _told(moment))
    return grid


def _told(moment: Moment) -> Text:
    from rich.text import Text

    text = Text(shown(moment.text))
    text.append(f" · {visible(moment.source)}", style="dim")
    lines = moment.details.get("lines") or []
    for line in lines[:_LINES_SHOWN]:
        text.append(f"\n  {_line(line)}")
    if len(lines) > _LINES_SHOWN:
        text.append(f"\n  and {len(lines) - _LINES_SHOWN:,} more")
    return text


def _line(line: dict[str, Any]) -> str:
    price = "" if line["price"] is None else f", {line['price']} {line['currency']} each"
    return visible(f"{line['quantity']} × {line['title']}{price}")


def _grid(rows: Iterable[Sequence[str]], dim: int | None = None) -> RenderableType:
    """Return rows as a grid; the column `dim` is of less weight."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    for row in rows:
        grid.add_row(*(Text(shown(cell), style="dim" if place == dim else "") for place, cell in enumerate(row)))
    for place, column in enumerate(grid.columns):
        column.no_wrap, column.overflow = place == 0, "fold"
    return grid
