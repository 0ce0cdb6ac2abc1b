"""What a file in campaigns/ holds. Who is in its audience and may get it: planning.py."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, field_validator

from mailflow import clock
from mailflow.config.tracking import UtmValues
from mailflow.config.yaml_files import Document, parse_spec, parse_yaml, place_inside, read_text, suggestion
from mailflow.errors import Problem, ProblemsError, UsageError
from mailflow.model import MessageKind

EVERYONE = "everyone"
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,9})?)\s*(%)?\Z")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}\Z")
_WALL_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[ T](\d{1,2}:\d{2})(?::\d{2})?(\s+local)?\Z")
_LONGEST = timedelta(days=366)
_FIRST_ZONE, _LAST_ZONE = timedelta(hours=14), timedelta(hours=-12)


class SendAt:
    """When a campaign goes out: one instant for all, or the same wall-clock time in each contact's own zone."""

    def __init__(self, text: str) -> None:
        """Read a time as it stands in a file; `ValueError` or `UsageError` for what is none."""
        self.text = text.strip()
        match = _WALL_TIME.match(self.text)
        self.is_local = bool(match and match[3])
        self._wall: datetime | None = None
        self._instant: datetime | None = None
        if match:
            self._wall = datetime.combine(clock.parse_date(match[1]), time.fromisoformat(match[2].zfill(5)))
        elif datetime.fromisoformat(self.text).tzinfo is not None:
            self._instant = clock.parse_instant(self.text, ZoneInfo("UTC"))
        else:
            raise ValueError("seconds and less are not read")

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
    """One campaign file. `id` is its identity for ever; `audience` is a rule, or the word `everyone`.

    `kind` and `from_owner` are those of its template unless the file says them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, str_strip_whitespace=True)

    id: str = ""
    name: str = ""
    audience: str
    template: str
    send_at: SendAt | None = None
    not_after: timedelta = timedelta(hours=24)
    holdout: Decimal = Decimal(0)
    kind: MessageKind | None = None
    from_owner: bool | None = None
    offer: str | None = None
    deadline: date | None = None
    utm: UtmValues | None = None

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
        except (ValueError, UsageError):
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
        if not timedelta() < found <= _LONGEST:
            raise ValueError(f"{value!r} cannot be: a campaign may go out for at least a second and at most 366d")
        return found

    @field_validator("deadline", mode="before")
    @classmethod
    def _deadline(cls, value: object) -> date | None:
        try:
            return None if value is None else clock.parse_date(str(value))
        except UsageError:
            raise ValueError(f"{value!r} is not a day: write the last day of what it is about, 2026-12-24") from None

    @field_validator("holdout", mode="before")
    @classmethod
    def _holdout(cls, value: object) -> Decimal:
        return _share(value)

    def window(self, now: datetime, account_zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return when the first message is due and when the last one is too late, if it is approved at `now`."""
        first, last = (now, now) if self.send_at is None else self.send_at.span(account_zone)
        return first, last + self.not_after


def _share(value: object) -> Decimal:
    match = _SHARE.match(str(value).strip())
    if match is None:
        raise ValueError(f"{value!r} is not a share: write it as 10%")
    share = Decimal(match[1]) / (100 if match[2] else 1)
    if share >= 1:
        raise ValueError(f"{value!r} is not a share of the audience: write it as 10%; it must be less than 100%")
    return share


class CampaignFile:
    """A campaign as it stands on disk: its spec, its text and where each key is."""

    def __init__(self, spec: CampaignSpec, text: str, document: Document) -> None:
        self.spec = spec
        self.text = text
        self.document = document

    @property
    def name(self) -> str:
        """The file's name without its ending, which is the campaign's id unless it says another."""
        return Path(self.document.file).stem

    def problem(self, key: str, message: str) -> Problem:
        """Return a problem placed at the value of one of the file's keys."""
        return self.document.problem((key,), message)

    def problem_inside(self, key: str, message: str, *, offset: int) -> Problem:
        """Return a problem placed at a character of the text that is a key's value, on whatever line it stands."""
        value = str(self.document.data[key]).strip()
        line, column = place_inside(self.text, self.document.values[(key,)], value, offset)
        return Problem(self.document.file, message, line, column)


def load(folder: Path, name: str) -> CampaignFile:
    """Read the campaign called `name` from the folder campaigns/: the one with this id, else the file of this name.

    An id belongs to one file: it is what keeps anybody from getting a campaign twice.
    """
    files, broken = _read_all(folder)
    if name in broken:
        raise broken[name]
    claimants = [file for file in files if file.spec.id == name]
    if len(claimants) > 1:
        raise ProblemsError([file.problem("id", f"the id {name!r} belongs to several files") for file in claimants])
    if claimants:
        return claimants[0]
    named = [file for file in files if file.name == name]
    if named:
        return load(folder, named[0].spec.id)
    known = {*broken, *(file.spec.id for file in files), *(file.name for file in files)}
    raise UsageError(f"there is no campaign {name!r} in {folder}{suggestion(name, sorted(known))}")


def _read_all(folder: Path) -> tuple[list[CampaignFile], dict[str, ProblemsError]]:
    """Return the campaigns of a folder, and by file name the problems of those that cannot be read."""
    files, broken = [], {}
    for path in campaign_paths(folder):
        try:
            files.append(read(path))
        except ProblemsError as error:
            broken[path.stem] = error  # told when it is asked for by name
    return files, broken


def campaign_paths(folder: Path) -> list[Path]:
    """Return the campaign files of a folder, by name."""
    return sorted((*folder.glob("*.yaml"), *folder.glob("*.yml")))


def template_named(path: Path) -> str | None:
    """Return the template that a campaign file names, whatever else is wrong in it."""
    try:
        data = _parsed(path)[0].data
    except ProblemsError:
        return None
    name = data.get("template") if isinstance(data, dict) else None
    return name if isinstance(name, str) else None


def _parsed(path: Path) -> tuple[Document, str]:
    shown = f"{path.parent.name}/{path.name}"
    text = read_text(path, shown)
    return parse_yaml(text, shown), text


def read(path: Path) -> CampaignFile:
    """Read one campaign file; `ProblemsError` names every problem with its line and column."""
    document, text = _parsed(path)
    if isinstance(document.data, dict):
        data: dict[str, Any] = {"id": path.stem, **document.data}
        document = Document(document.file, data, document.keys, document.values)
    file = CampaignFile(parse_spec(CampaignSpec, document), text, document)
    if not file.spec.audience:
        raise ProblemsError([file.problem("audience", f"is empty: write a rule, or {EVERYONE}")])
    return file
