"""The files a template is made of: find them, read the front matter (front.py), keep every text that was read.

Everything is inside the folder `templates/`, links included: a path that leads out of it is refused. What the body
means: tags.py and markdown.py; how it becomes a message: compiled.py.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, TemplateNotFound

from mailflow.config.brand import BRAND_FILE, Brand, parse_brand
from mailflow.config.files import Unreadable, inside, is_file, read
from mailflow.config.yaml_files import MAX_BYTES, Document, decode, parse_spec, parse_yaml, read_text, suggestion
from mailflow.errors import Problem, ProblemsError
from mailflow.templates import languages, review, translations
from mailflow.templates.front import FrontMatter
from mailflow.templates.mjml import is_document
from mailflow.templates.parts import TemplateError

SHIPPED = "mailflow:"  # begins the names of files inside the package, in messages and in the list of files
BLOCKS = "mailflow/"  # begins the paths of blocks that mailflow ships, in an include

_PACKAGE = resources.files("mailflow.templates")
_NOT_MESSAGES = ("layouts", "blocks", BLOCKS.rstrip("/"))
# What is decided once for everybody, in whatever language they read.
_FOR_ALL = {"class_": "class", "kind": "kind", "topic": "topic", "offer": "offer"}
_NAME = re.compile(r"[\w][\w.-]*(?:/[\w][\w.-]*)*\Z")
_FRONT = re.compile(r"---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)


class Kind(StrEnum):
    """What a template, layout or block is written in, by its suffix."""

    MARKDOWN = ".md"
    HTML = ".html"
    MJML = ".mjml"


SUFFIXES = tuple(str(kind) for kind in Kind)


def kind_of(path: str) -> Kind:
    """Return what a file is written in; a text frame of a layout is treated as HTML is."""
    suffix = path[path.rfind(".") :]
    return Kind(suffix) if suffix in SUFFIXES else Kind.HTML


@dataclass(frozen=True, slots=True)
class Source:
    """One template file: its front matter, and its body with line numbers kept by leading line ends."""

    file: str
    front: FrontMatter
    document: Document
    body: str
    kind: Kind

    @property
    def is_document(self) -> bool:
        """Whether it is a whole page, which takes no layout."""
        if self.kind is Kind.MJML:
            return is_document(self.body)
        return self.kind is Kind.HTML and "<html" in self.body.lower()


@dataclass(frozen=True, slots=True)
class Layout:
    """The frame around a body: that of the HTML part, and `plain`, that of the text part."""

    file: str
    text: str
    kind: Kind
    plain_file: str
    plain: str


class Files(BaseLoader):
    """Reads texts of the templates folder and remembers each: path as people know it → text.

    Also Jinja's loader, for the includes. With a `language` the translation that is nearest to it takes the place of a
    file; `asked` are the paths that were asked for, whatever was read instead.
    """

    def __init__(self, folder: Path, language: str | None = None) -> None:
        self.folder = folder
        self.root = folder.resolve()
        self.language = language
        self.read: dict[str, str] = {}
        self.asked: set[str] = set()

    def localised(self, path: str) -> str:
        """Return the path of a file's translation for the language of these files, else the path itself."""
        self.asked.add(path)
        if self.language is None or not _NAME.match(path):
            return path
        known = translations.of_file(self.folder, path)
        return next((known[tag][0] for tag in languages.chain(self.language) if tag in known), path)

    @cached_property
    def brand(self) -> Mapping[str, Any]:
        """What templates know as `brand`; `TemplateError` where brand.yaml is wrong."""
        path = self.folder.parent / BRAND_FILE
        if not os.path.lexists(path):
            return Brand().context()
        try:
            text = self.read[BRAND_FILE] = read_text(inside(self.folder.parent, path), BRAND_FILE)
            return parse_brand(text).context()
        except Unreadable as error:
            raise TemplateError.at(BRAND_FILE, str(error)) from None
        except ProblemsError as error:
            raise TemplateError(error.problems) from None

    def shown(self, path: str) -> str:
        """Return how a path inside the folder is named in messages: `templates/blocks/vip.md`."""
        if path.startswith(BLOCKS) and not self.exists(path):
            return f"{SHIPPED}blocks/{path.removeprefix(BLOCKS)}"
        return f"{self.folder.name}/{path}"

    def exists(self, path: str) -> bool:
        """Whether there is a file at a path inside the folder."""
        return bool(_NAME.match(path)) and is_file(self.folder / path)

    def text(self, path: str, *, asked_by: str, line: int | None = None) -> str:
        """Return a file's text; `TemplateError` placed at who asked for it when it is not there or not allowed."""
        place = self.folder / path
        if not _NAME.match(path):
            words = f"{path!r} leads out of the folder {self.folder.name}/, or no file of it can have that name"
            raise TemplateError.at(asked_by, words, line)
        if path.startswith(BLOCKS) and not is_file(place):
            return self._shipped_block(path, asked_by=asked_by, line=line)
        if not os.path.lexists(place):
            known = [
                str(item.relative_to(self.folder)) for item in sorted(self.folder.rglob("*")) if item.suffix in SUFFIXES
            ]
            raise TemplateError.at(asked_by, f"there is no file {self.shown(path)}{suggestion(path, known)}", line)
        shown = self.shown(path)
        if shown not in self.read:
            try:
                raw = read(inside(self.root, place, f"the folder {self.folder.name}/"), MAX_BYTES)
            except Unreadable as error:
                raise TemplateError.at(asked_by, f"{path!r}: {error}", line) from None
            self.read[shown] = decode(raw, shown).replace("\r\n", "\n")
        return self.read[shown]

    def _shipped_block(self, path: str, *, asked_by: str, line: int | None) -> str:
        names = shipped("blocks")
        name = path.removeprefix(BLOCKS)
        if name not in names:
            known = [f"{BLOCKS}{each}" for each in names]
            raise TemplateError.at(asked_by, f"mailflow has no block {path}{suggestion(path, known)}", line)
        return self._shipped(f"blocks/{name}")

    def _shipped(self, path: str) -> str:
        """Return a file of the package, and count it among those that were read."""
        text = (_PACKAGE / path).read_text(encoding="utf-8")
        self.read[f"{SHIPPED}{path}"] = text
        return text

    def get_source(self, environment: Any, template: str) -> tuple[str, str, None]:
        path = self.localised(template)
        try:
            return self.text(path, asked_by=template), self.shown(path), None
        except ProblemsError as error:
            raise TemplateNotFound(template, str(error)) from None

    def layout(self, found: Source) -> Layout:
        """Return the layout that a template names: the workspace's own, else the one that mailflow ships.

        MJML takes a layout in MJML; everything else takes one in HTML or MJML. A layout of one's own without a `.txt`
        beside it takes the shipped text.
        """
        name = found.front.layout
        path, kind, own = self._layout_file(found)
        file = self.shown(path) if own else f"{SHIPPED}{path}"
        text = self.text(path, asked_by=file) if own else self._shipped(path)
        plain_path = self.localised(f"layouts/{name}.txt")
        if self.exists(plain_path):
            return Layout(file, text, kind, self.shown(plain_path), self.text(plain_path, asked_by=file))
        if not (_PACKAGE / plain_path).is_file():
            plain_path = "layouts/default.txt"
        return Layout(file, text, kind, f"{SHIPPED}{plain_path}", self._shipped(plain_path))

    def _layout_file(self, found: Source) -> tuple[str, Kind, bool]:
        """Return path and kind of the layout that a template names, and whether it is the workspace's own."""
        name = found.front.layout
        kinds = [Kind.MJML] if found.kind is Kind.MJML else [Kind.HTML, Kind.MJML]
        for kind in kinds:
            path = self.localised(f"layouts/{name}{kind}")
            if self.exists(path):
                return path, kind, True
        for kind in kinds:
            if f"{name}{kind}" in shipped("layouts"):
                return f"layouts/{name}{kind}", kind, False
        wanted = f"{self.folder.name}/layouts/{name}{kinds[0]}"
        known = suggestion(name, self._layouts(kinds))
        raise TemplateError([found.document.problem(("layout",), f"there is no layout {wanted}{known}")])

    def _layouts(self, kinds: list[Kind]) -> list[str]:
        own = (path.name for path in (self.folder / "layouts").glob("*"))
        return sorted({Path(name).stem for name in (*own, *shipped("layouts")) if Path(name).suffix in kinds})


def shipped(shelf: str) -> list[str]:
    """Return the names of the files that mailflow ships as `layouts` or `blocks`."""
    return sorted(item.name for item in (_PACKAGE / shelf).iterdir() if item.is_file())


def read_source(files: Files, name: str) -> Source:
    """Read the template `name`, with or without its suffix, in the language of the files where it is translated.

    `TemplateError` lists all that is wrong at its top. A translation has what it leaves out from the template itself.
    """
    path = _find(files, name)
    if files.language is None and (translated := translations.original(files.folder, path)) is not None:
        stem, language = translated  # somebody wants to see `spring.de` itself
        return _translated(_parsed(files, _find(files, stem)), _parsed(files, path), language)
    files.asked.add(path)
    found = _parsed(files, path)
    if files.language is None:
        return found
    known = translations.of_file(files.folder, path, SUFFIXES)
    tag = next((tag for tag in languages.chain(files.language) if tag in known), None)
    if tag is None:
        return found
    if len(known[tag]) > 1:
        raise TemplateError.at(files.shown(known[tag][0]), f"there are {' and '.join(known[tag])}: keep one of them")
    return _translated(found, _parsed(files, known[tag][0]), files.language)


def _parsed(files: Files, path: str) -> Source:
    """Read one file: its front matter and its body."""
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
    if front.reviewed is not None and review.of_text(text, is_draft=False) is None:
        words = "stands on a line of its own and without quotes, reviewed: …, or a draft would go out that nobody read"
        raise TemplateError([document.problem(("reviewed",), words, at_key=True)])
    body = "\n" * text.count("\n", 0, match.end()) + text[match.end() :]
    return Source(file, front, document, body, kind_of(path))


def _translated(found: Source, into: Source, language: str) -> Source:
    """Return a translation with what it leaves out; `TemplateError` where it would be another kind of message."""
    said, front = into.front.model_fields_set, into.front
    wrong = [
        into.document.problem((key,), f"says another {key} than {found.file}: leave it out here, it holds for all")
        for name, key in _FOR_ALL.items()
        if name in said and getattr(front, name) != getattr(found.front, name)
    ]
    if front.language and languages.primary(front.language) != languages.primary(language):
        wrong.append(into.document.problem(("language",), f"the name of the file says {language}"))
    if wrong:
        raise TemplateError(wrong)
    inherited = {name: getattr(found.front, name) for name in FrontMatter.model_fields if name not in said}
    front = front.model_copy(update={**inherited, "language": front.language or language})
    return replace(into, front=front)


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
        message = f"there is no {name}.md, .html or .mjml{suggestion(name, names(files.folder))}"
        raise TemplateError.at(files.shown(name), message)
    return found[0]


def names(folder: Path) -> list[str]:
    """Return the names of all templates of the folder `templates/`, without layouts, blocks and translations."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.suffix in SUFFIXES)
    whole = (path for path in paths if translations.original(folder, str(path)) is None)
    return sorted(str(path.with_suffix("")) for path in whole if path.parts[0] not in _NOT_MESSAGES)


def problem(message: str, file: str, line: int | None, context: Mapping[str, Any]) -> Problem:
    """Return a problem that names the person it happened with, where there is one."""
    contact = context.get("contact")
    email = contact.get("email") if isinstance(contact, dict) else None
    return Problem(file, f"{message} (for {email})" if email else message, line)
