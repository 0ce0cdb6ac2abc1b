"""What a file in campaigns/ holds. Who is in its audience and may get it: planning.py."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, field_validator

from mailflow import clock
from mailflow.config.yaml_files import Document, decode, parse_spec, parse_yaml, suggestion
from mailflow.errors import MailflowError, Problem, ProblemsError, UsageError
from mailflow.model import MessageKind

EVERYONE = "everyone"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}\Z")
_WALL_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[ T](\d{1,2}:\d{2})(?::\d{2})?(\s+local)?\Z")
_FIRST_ZONE, _LAST_ZONE = timedelta(hours=14), timedelta(hours=-12)


class SendAt:
    """When a campaign goes out: one instant for all, or the same wall-clock time in each contact's own zone."""

    def __init__(self, text: str, account_zone: ZoneInfo | None = None) -> None:
        self.text = text
        match = _WALL_TIME.match(text.strip())
        self.is_local = bool(match and match[3])
        self._wall: datetime | None = None
        self._instant: datetime | None = None
        if match:
            self._wall = datetime.combine(date.fromisoformat(match[1]), time.fromisoformat(match[2].zfill(5)))
        else:
            value = datetime.fromisoformat(text.strip())
            if value.tzinfo is None:
                raise ValueError
            self._instant = value.astimezone(UTC)

    def for_zone(self, zone: ZoneInfo, account_zone: ZoneInfo) -> datetime:
        """Return the instant for a contact who lives in `zone`."""
        if self._instant is not None:
            return self._instant
        assert self._wall is not None
        return clock.local_instant(self._wall.date(), self._wall.time(), zone if self.is_local else account_zone)

    def span(self, account_zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return the earliest and the latest instant that any contact can have."""
        if not self.is_local or self._wall is None:
            instant = self.for_zone(account_zone, account_zone)
            return instant, instant
        wall = self._wall.replace(tzinfo=UTC)
        return wall - _FIRST_ZONE, wall - _LAST_ZONE


class CampaignSpec(BaseModel):
    """One campaign file. `id` is its identity for ever; `audience` is a rule, or the word `everyone`."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, str_strip_whitespace=True)

    id: str = ""
    name: str = ""
    audience: str
    template: str
    send_at: SendAt | None = None
    not_after: timedelta = timedelta(hours=24)
    holdout: Decimal = Decimal(0)
    kind: MessageKind = MessageKind.PROMO

    @field_validator("id")
    @classmethod
    def _id(cls, value: str) -> str:
        if not _ID.match(value):
            raise ValueError(f"{value!r} cannot be an id: use letters, digits, point, dash and underscore")
        return value

    @field_validator("send_at", mode="before")
    @classmethod
    def _send_at(cls, value: object) -> SendAt | None:
        if value is None or isinstance(value, SendAt):
            return value
        try:
            return SendAt(str(value))
        except ValueError:
            raise ValueError(
                f"{value!r} is not a time: write 2026-03-20 09:00 (yours), 2026-03-20 09:00 local (each contact's own)"
                " or 2026-03-20T09:00:00Z"
            ) from None

    @field_validator("not_after", mode="before")
    @classmethod
    def _not_after(cls, value: object) -> timedelta:
        try:
            found = clock.parse_duration(str(value))
        except UsageError as error:
            raise ValueError(str(error)) from None
        if not found:
            raise ValueError("not_after must be longer than nothing")
        return found

    @field_validator("holdout", mode="before")
    @classmethod
    def _holdout(cls, value: object) -> Decimal:
        return _share(value)

    def window(self, now: datetime, account_zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return when the first message is due and when the last one is too late, if it is approved at `now`."""
        first, last = (now, now) if self.send_at is None else self.send_at.span(account_zone)
        return first, max(last, now) + self.not_after if self.send_at is None else last + self.not_after


def _share(value: object) -> Decimal:
    text = str(value).strip()
    try:
        share = Decimal(text.removesuffix("%"))
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a share: write it as 10%") from None
    if text.endswith("%"):
        share /= 100
    if not 0 <= share < 1:
        raise ValueError(f"{value!r} is not a share: it must be at least 0% and less than 100%")
    return share


class CampaignFile:
    """A campaign as it stands on disk: its spec, its text and where each key is."""

    def __init__(self, spec: CampaignSpec, text: str, document: Document) -> None:
        self.spec = spec
        self.text = text
        self.document = document

    def problem(self, key: str, message: str) -> Problem:
        """Return a problem placed at one of the file's keys."""
        return self.document.problem((key,), message)


def load(folder: Path, name: str) -> CampaignFile:
    """Read the campaign called `name` (its id or its file's name) from the folder campaigns/."""
    paths = {path.stem: path for path in campaign_paths(folder)}
    if name in paths:
        return read(paths[name])
    for path in paths.values():
        try:
            found = read(path)
        except MailflowError:
            continue  # its own problem is told when it is asked for by name
        if found.spec.id == name:
            return found
    raise UsageError(f"there is no campaign {name!r} in {folder}{suggestion(name, paths)}")


def campaign_paths(folder: Path) -> list[Path]:
    """Return the campaign files of a folder, by name."""
    return sorted((*folder.glob("*.yaml"), *folder.glob("*.yml")))


def read(path: Path) -> CampaignFile:
    """Read one campaign file; `ProblemsError` names every problem with its line and column."""
    shown = f"{path.parent.name}/{path.name}"
    text = decode(path.read_bytes(), shown)
    document = parse_yaml(text, shown)
    if isinstance(document.data, dict):
        data: dict[str, Any] = {"id": path.stem, **document.data}
        document = Document(shown, data, document.keys, document.values)
    file = CampaignFile(parse_spec(CampaignSpec, document), text, document)
    if not file.spec.audience:
        raise ProblemsError([file.problem("audience", f"is empty: write a rule, or {EVERYONE}")])
    return file
