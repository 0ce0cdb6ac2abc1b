"""Make a workspace from a pack of starting files. What is in a pack: packs/; what a workspace is: workspace.py."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from mailflow import clock
from mailflow.config import Settings
from mailflow.config.yaml_files import parse_spec, parse_yaml, suggestion
from mailflow.errors import ProblemsError, UsageError
from mailflow.store import Store
from mailflow.workspace import DATABASE_FILE, SETTINGS_FILE, Workspace

DEFAULT_PACK = "shop"
FALLBACK_ZONE = "UTC"
# In a pack, the settings hold "@name@" where a value goes, quoted, so that the file is YAML before and after.
_PLACEHOLDER = re.compile(r'"@(\w+)@"')
# A dot file would act on the folder it is shipped in.
_SHIPPED_AS = {"gitignore": ".gitignore"}


@dataclass(frozen=True, slots=True)
class Brand:
    """What a new workspace must know of the shop; the defaults are such that nobody can be mailed by accident."""

    name: str = "My Shop"
    email: str = "hello@example.com"
    address: str = ""
    currency: str = "EUR"
    timezone: str = FALLBACK_ZONE
    language: str = "en"


@dataclass(frozen=True, slots=True)
class NewWorkspace:
    """What `init` did: the files it wrote, and those it found and left as they were (both from the root)."""

    workspace: Workspace
    made: tuple[str, ...]
    kept: tuple[str, ...]


def init(folder: Path, brand: Brand, *, pack: str = DEFAULT_PACK) -> NewWorkspace:
    """Make a workspace in `folder`, which may exist and hold other files: nothing there is overwritten.

    `UsageError` for a folder that already is a workspace, an unknown pack, or a value of `brand` that no settings file
    may hold.
    """
    if os.path.lexists(folder / SETTINGS_FILE):
        raise UsageError(f"{folder} already is a workspace: it has a {SETTINGS_FILE}. Nothing was changed")
    files = dict(read_pack(pack))
    files[SETTINGS_FILE] = _fill(files[SETTINGS_FILE], brand)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UsageError(f"{folder} is in the way of a folder, or below a file: choose another name") from None
    (folder / "templates" / "layouts").mkdir(parents=True, exist_ok=True)
    workspace = Workspace(folder.resolve())
    made_database = _make_private_parts(workspace)
    # The settings come last: until they are there it is not a workspace, and the same command can be repeated.
    names = sorted(files, key=lambda name: name == SETTINGS_FILE)
    written = {name: _write_new(folder / name, files[name]) for name in names}
    written[DATABASE_FILE] = made_database
    made = tuple(name for name, is_new in written.items() if is_new)
    return NewWorkspace(workspace, made, tuple(name for name in written if name not in made))


def packs() -> list[str]:
    """Return the names of the packs there are."""
    return sorted(item.name for item in _shelf().iterdir() if item.is_dir() and (item / SETTINGS_FILE).is_file())


def system_zone(environment: Mapping[str, str], localtime: Path = Path("/etc/localtime")) -> str:
    """Return the IANA name of this machine's time zone, or UTC where it does not say."""
    for candidate in (environment.get("TZ", "").lstrip(":"), _zone_behind(localtime)):
        if candidate and _is_zone(candidate):
            return FALLBACK_ZONE if candidate == "Etc/UTC" else candidate
    return FALLBACK_ZONE


def _zone_behind(localtime: Path) -> str:
    """Return `Europe/Vienna` for a link to /usr/share/zoneinfo/Europe/Vienna."""
    try:
        target = os.readlink(localtime)
    except OSError:
        return ""
    return target.partition("zoneinfo/")[2]


def _is_zone(name: str) -> bool:
    try:
        clock.zone(name)
    except UsageError:
        return False
    return True


def _shelf() -> Traversable:
    return resources.files("mailflow") / "packs"


def read_pack(pack: str) -> Iterator[tuple[str, str]]:
    """Yield (path in the workspace, text) of every file of a pack; `UsageError` for one that there is not."""
    known = packs()
    if pack not in known:
        raise UsageError(f"there is no pack {pack!r}{suggestion(pack, known)}")
    pending = [("", _shelf() / pack)]
    while pending:
        path, item = pending.pop()
        if item.is_dir():
            inside = [(f"{path}/{_SHIPPED_AS.get(each.name, each.name)}".lstrip("/"), each) for each in item.iterdir()]
            pending.extend(sorted(inside, key=lambda pair: pair[0], reverse=True))
        else:
            yield path, item.read_text(encoding="utf-8")


def _fill(template: str, brand: Brand) -> str:
    """Return the settings file with the brand's values in it, checked as every other settings file is."""
    values = {name: getattr(brand, name) for name in brand.__slots__}
    for name, value in values.items():
        if not value.isprintable():
            raise UsageError(f"the {name} {value!r} holds characters that cannot be written in a text file")
    # A JSON string of printable characters is a YAML string too.
    text = _PLACEHOLDER.sub(lambda found: json.dumps(values[found[1]], ensure_ascii=False), template)
    try:
        parse_spec(Settings, parse_yaml(text, SETTINGS_FILE))
    except ProblemsError as error:
        raise UsageError("; ".join(dict.fromkeys(problem.message for problem in error.problems))) from None
    return text


def _make_private_parts(workspace: Workspace) -> bool:
    """Make the folder of keys and the database, and say whether there was no database before."""
    workspace.private.chmod(0o700)
    # Keys and mail must not end in a repository whatever the .gitignore of the workspace says.
    _write_new(workspace.private / ".gitignore", "*\n", mode=0o600)
    workspace.keys  # noqa: B018 - made on first use
    database = workspace.root / DATABASE_FILE
    if os.path.lexists(database):
        return False
    try:
        Store.create(database).close()
    except BaseException:
        database.unlink(missing_ok=True)  # half a database would be kept by the next try
        raise
    return True


def _write_new(path: Path, text: str, *, mode: int = 0o666) -> bool:
    """Write a file unless there is one, and say whether it was written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
    return True
