"""Pictures of the folder templates/assets in the HTML: as an address under `asset_url`, or in the message itself."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from urllib.parse import quote, unquote

from mailflow.config import files
from mailflow.templates.attachments import made_file
from mailflow.templates.linking import How
from mailflow.templates.markup import INSIDE
from mailflow.templates.parts import File, TemplateError
from mailflow.templates.picture_sizes import width_of
from mailflow.templates.tags import Tags

FOLDER = "assets"
LARGEST_ONLINE = 20 * 1024 * 1024  # bytes of one that its readers get from elsewhere
LARGEST = 2 * 1024 * 1024  # bytes of all pictures embedded in a message
TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp"}

_PICTURE = re.compile(r"""(\s(?:src|background|background-url)\s*=\s*)("[^"]*"|'[^']*')""", re.IGNORECASE)
_ELEMENT = re.compile(rf"<(?!script\b)[a-z][\w:-]*\b{INSIDE}(?:>|\Z)", re.IGNORECASE)
_SIZED = re.compile(r"\swidth\s*=", re.IGNORECASE)
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//|#|/|\?|\Z", re.IGNORECASE)  # begins what is no file of ours


class Pictures:
    """Puts the pictures of one template in their place. `texts` are its files, to say where a missing one is named."""

    def __init__(self, folder: Path, how: How, texts: Mapping[str, str]) -> None:
        self.root = folder / FOLDER
        self.how = how
        self.texts = texts
        self.hashes: dict[str, str] = {}
        self._embedded: dict[str, File] = {}
        self._widths: dict[str, int | None] = {}

    @property
    def files(self) -> tuple[File, ...]:
        """The pictures that travel in the message, each once, under however many names the folder has it."""
        return tuple(self._embedded.values())

    def placed(self, html: str, tags: Tags, *, widest: int | None = None) -> str:
        """Return HTML or MJML whose pictures of the folder are where its readers find them.

        An `img` without a width gets that of its file, as Outlook shows it so wide; `widest` is all that the text has.
        """
        if not (self.how.asset_url or self.how.embed or self.root.is_dir()):
            return html

        named: list[str] = []

        def source(match: re.Match[str]) -> str:
            written = match[2][1:-1]
            path = unquote(unescape(written.strip()))
            if _ELSEWHERE.match(path) or tags.word.search(path):
                return match[0]
            named.append(path)
            return f'{match[1]}"{self._address(path, written)}"'

        def element(match: re.Match[str]) -> str:
            named.clear()
            made = _PICTURE.sub(source, match[0])
            width = self._widths.get(named[0]) if named and made[:5].lower() == "<img " else None
            if width is None or _SIZED.search(made):
                return made
            return f'{made[:4]} width="{min(width, widest or width)}"{made[4:]}'

        return _ELEMENT.sub(element, html)

    def _address(self, path: str, written: str) -> str:
        try:
            place = files.inside(self.root, self.root / path, f"the folder templates/{FOLDER}")
            if not os.path.exists(place):
                raise self._error(written, f"there is no picture templates/{FOLDER}/{path}")
            data = files.read(place, LARGEST_ONLINE)
        except files.Unreadable as error:
            raise self._error(written, f"the picture {path!r}: {error}") from None
        digest = hashlib.sha256(data).hexdigest()
        self.hashes[f"templates/{FOLDER}/{path}"] = digest
        self._widths[path] = width_of(data)
        if self.how.embed:
            return f"cid:{self._embed(path, written, data, digest)}"
        if self.how.asset_url:
            return f"{self.how.asset_url}/{quote(path)}"
        words = f"the picture {path!r} is nowhere online: say asset_url in mailflow.yaml, or images: embed"
        raise self._error(written, words)

    def _embed(self, path: str, written: str, data: bytes, digest: str) -> str:
        kind = TYPES.get(Path(path).suffix.lower())
        if kind is None:
            raise self._error(written, f"the picture {path!r} cannot be embedded: say {', '.join(sorted(TYPES))}")
        cid = f"{digest[:24]}@mailflow"
        if cid not in self._embedded:
            self._embedded[cid] = made_file(Path(path).name, kind, data, cid)
        if sum(len(file.data) for file in self.files) > LARGEST:
            limit = LARGEST // 1024 // 1024
            raise self._error(written, f"the embedded pictures have more than {limit} MB together: make them smaller")
        return cid

    def _error(self, written: str, message: str) -> TemplateError:
        for file, text in self.texts.items():
            for number, line in enumerate(text.splitlines(), 1):
                if written in line or unquote(unescape(written)) in line:
                    return TemplateError.at(file, message, number)
        return TemplateError.at(next(iter(self.texts), ""), message)
