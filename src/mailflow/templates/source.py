"""The files a template is made of: find them, read the front matter, keep every text that was read.

Everything is inside the folder `templates/`, links included: a path that leads out of it is refused. What the body
means: tags.py and markdown.py; how it becomes a message: compile.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, TemplateNotFound
from pydantic import BaseModel, ConfigDict, Field, field_validator

from mailflow.config.yaml_files import Document, decode, parse_spec, parse_yaml, suggestion
from mailflow.errors import ConfigError, Problem, ProblemsError
from mailflow.model import MessageClass, MessageKind
from mailflow.templates.headers import check_address
from mailflow.templates.parts import TemplateError

SUFFIXES = (".md", ".html")
SHIPPED = "mailflow:layouts"  # the layouts inside the package, in messages and in the list of files

_NAME = re.compile(r"[\w][\w.-]*(?:/[\w][\w.-]*)*\Z")
_FRONT = re.compile(r"---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)


class FrontMatter(BaseModel):
    """What stands between the `---` lines at the top of a template. Subject, preheader and from may hold tags."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    subject: str = Field(min_length=1)
    preheader: str = ""
    from_name: str | None = Field(default=None, alias="from")
    reply_to: str | None = None
    layout: str = "default"
    class_: MessageClass = Field(default=MessageClass.MARKETING, alias="class")
    kind: MessageKind = MessageKind.PROMO
    topic: str | None = None
    language: str | None = None

    @field_validator("reply_to")
    @classmethod
    def _reply_to(cls, value: str | None) -> str | None:
        try:
            return None if value is None else check_address(value)
        except ConfigError as error:
            raise ValueError(str(error)) from None


@dataclass(frozen=True, slots=True)
class Source:
    """One template file: its front matter, and its body with line numbers kept by leading line ends."""

    file: str
    front: FrontMatter
    document: Document
    body: str
    is_markdown: bool


class Files(BaseLoader):
    """Reads texts of the templates folder and remembers each: path as people know it → text.

    Also Jinja's loader, for the includes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder.resolve()
        self.read: dict[str, str] = {}

    def shown(self, path: str) -> str:
        """Return how a path inside the folder is named in messages: `templates/blocks/vip.md`."""
        return f"{self.folder.name}/{path}"

    def exists(self, path: str) -> bool:
        """Whether there is a file at a path inside the folder."""
        return bool(_NAME.match(path)) and (self.folder / path).is_file()

    def text(self, path: str, *, asked_by: str, line: int | None = None) -> str:
        """Return a file's text; `TemplateError` placed at who asked for it when it is not there or not allowed."""
        place = self.folder / path
        if not _NAME.match(path) or not place.resolve().is_relative_to(self.root):
            raise TemplateError.at(asked_by, f"{path!r} leads out of the folder {self.folder.name}/", line)
        if not place.is_file():
            known = [
                str(item.relative_to(self.folder)) for item in sorted(self.folder.rglob("*")) if item.suffix in SUFFIXES
            ]
            raise TemplateError.at(asked_by, f"there is no file {self.shown(path)}{suggestion(path, known)}", line)
        shown = self.shown(path)
        if shown not in self.read:
            self.read[shown] = decode(place.read_bytes(), shown).replace("\r\n", "\n")
        return self.read[shown]

    def get_source(self, environment: Any, template: str) -> tuple[str, str, None]:
        try:
            return self.text(template, asked_by=template), self.shown(template), None
        except ProblemsError as error:
            raise TemplateNotFound(template, str(error)) from None

    def layout(self, name: str, *, asked_by: Document) -> tuple[str, str, str]:
        """Return (file, HTML, text) of a layout: the workspace's own, else the one that mailflow ships.

        A layout of one's own without a `.txt` beside it takes the shipped text.
        """
        path = f"layouts/{name}.html"
        shipped = resources.files("mailflow.templates") / "layouts"
        plain_path = f"layouts/{name}.txt"
        if self.exists(plain_path):
            plain = self.text(plain_path, asked_by=self.shown(path))
        else:
            plain = self.read[f"{SHIPPED}/default.txt"] = (shipped / "default.txt").read_text(encoding="utf-8")
        if self.exists(path):
            return self.shown(path), self.text(path, asked_by=self.shown(path)), plain
        if name != "default":
            raise TemplateError(
                [
                    asked_by.problem(
                        ("layout",), f"there is no layout {self.shown(path)}{suggestion(name, self._layouts())}"
                    )
                ]
            )
        file = f"{SHIPPED}/default.html"
        self.read[file] = (shipped / "default.html").read_text(encoding="utf-8")
        return file, self.read[file], plain

    def _layouts(self) -> list[str]:
        return sorted({"default", "none", *(path.stem for path in (self.folder / "layouts").glob("*.html"))})


def read_source(files: Files, name: str) -> Source:
    """Read the template `name`, with or without its suffix; `TemplateError` lists all that is wrong at its top."""
    path = _find(files, name)
    file = files.shown(path)
    text = files.text(path, asked_by=file)
    match = _FRONT.match(text)
    if match is None:
        raise TemplateError.at(
            file, 'a template begins with its front matter: a line ---, then subject: "…", then a line ---', 1
        )
    try:
        document = parse_yaml(match[1], file, first_line=2)
        front = parse_spec(FrontMatter, document)
    except TemplateError:
        raise
    except ProblemsError as error:
        raise TemplateError(error.problems) from None
    body = "\n" * text.count("\n", 0, match.end()) + text[match.end() :]
    return Source(file, front, document, body, path.endswith(".md"))


def _find(files: Files, name: str) -> str:
    _, dot, suffix = name.rpartition(".")
    if dot and f".{suffix}" in SUFFIXES and files.exists(name):
        return name
    if not _NAME.match(name):
        raise TemplateError.at(
            files.shown(name), "is not the name of a template: say it as in templates/, such as cart/reminder"
        )
    found = [name + suffix for suffix in SUFFIXES if files.exists(name + suffix)]
    if len(found) > 1:
        raise TemplateError.at(files.shown(name), f"there are {' and '.join(found)}: keep one of them")
    if not found:
        message = f"there is no {name}.md or {name}.html{suggestion(name, names(files.folder))}"
        raise TemplateError.at(files.shown(name), message)
    return found[0]


def names(folder: Path) -> list[str]:
    """Return the names of all templates of the folder `templates/`, without layouts and blocks."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.suffix in SUFFIXES)
    return sorted(str(path.with_suffix("")) for path in paths if path.parts[0] not in ("layouts", "blocks"))


def problem(message: str, file: str, line: int | None, context: Mapping[str, Any]) -> Problem:
    """Return a problem that names the person it happened with, where there is one."""
    contact = context.get("contact")
    email = contact.get("email") if isinstance(contact, dict) else None
    return Problem(file, f"{message} (for {email})" if email else message, line)
