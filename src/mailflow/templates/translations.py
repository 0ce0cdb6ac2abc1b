"""Which files say the same in another language: `spring.de.md` and `spring.de-AT.md` beside `spring.md`.

Layouts and blocks too. Who reads `de-AT` gets `de-AT`, else `de`, else the file itself: languages.py. How a template
is made of them: source.py and compile.py.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from mailflow.config import files
from mailflow.config.yaml_files import MAX_BYTES
from mailflow.templates.languages import chain, plain, primary

_TAG = r"(?:[a-z]{2}|ast|dsb|fil|gsw|haw|hsb|kok|yue)(?:[-_][a-z0-9]{2,8})*"
_NAMED = re.compile(rf"(?P<stem>.+)\.(?P<tag>{_TAG})(?P<suffix>\.[a-z]+)\Z", re.IGNORECASE)
_WRITTEN = (".md", ".html", ".mjml")
_SUFFIXES = (*_WRITTEN, ".txt")
_HEAD = 4096  # bytes of a file that are read for its language
_PARTS = ("layouts", "blocks", "mailflow")


def original(folder: Path, path: str) -> tuple[str, str] | None:
    """Return (path without language and suffix, tag) of a translation; None for a file that is none.

    A file is a translation where the file it translates is there: `tea.v2.md` and `hello.in.md` alone are templates.
    """
    named = _NAMED.match(path)
    if named is None or named["suffix"] not in _SUFFIXES:
        return None
    if not any(files.is_file(folder / f"{named['stem']}{suffix}") for suffix in _SUFFIXES):
        return None
    return named["stem"], plain(named["tag"])


def of_file(folder: Path, path: str, suffixes: Collection[str] = ()) -> dict[str, list[str]]:
    """Return tag → the paths of the translations of a file; of the same suffix unless others are named."""
    stem, dot, suffix = path.rpartition(".")
    wanted = suffixes or {f"{dot}{suffix}"}
    place = (folder / path).parent
    found: dict[str, list[str]] = {}
    for each in sorted(place.iterdir()) if place.is_dir() else ():
        named = _NAMED.match(str(each.relative_to(folder)))
        if named and named["stem"] == stem and named["suffix"] in wanted and files.is_file(each):
            found.setdefault(plain(named["tag"]), []).append(str(each.relative_to(folder)))
    return found


def of_files(folder: Path, paths: Iterable[str]) -> set[str]:
    """Return the languages that any of these files is translated into; a template's may be of another kind."""
    return {tag for path in paths for tag in of_file(folder, path, () if is_part(path) else _WRITTEN)}


def missing(folder: Path, languages: Iterable[str] = ()) -> dict[str, list[str]]:
    """Return path → the languages that a template, layout or block is not written in, of all that the folder has.

    `languages` are further ones that are wanted, such as those of the readers. A region is had where its language is
    (`de` does for `de-AT`). A layout or a block counts where it has a translation: others have nothing to say.
    """
    texts = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.suffix in _SUFFIXES]
    texts = [path for path in texts if not path.startswith("drafts/")]  # not sent as they are
    whole = {path: _languages(folder, path) for path in texts if original(folder, path) is None}
    wanted = {tag for had in whole.values() for tag in had} | {plain(language) for language in languages}
    found = {}
    for path, had in whole.items():
        lacking = sorted(tag for tag in wanted if not set(chain(tag)) & {*had, *_own(folder, path)})
        if lacking and (had or not is_part(path)):
            found[path] = lacking
    return found


def is_part(path: str) -> bool:
    """Whether a file in templates/ is a layout or a block, not a message."""
    return Path(path).parts[0] in _PARTS


def _languages(folder: Path, path: str) -> Mapping[str, list[str]]:
    return of_file(folder, path, () if path.startswith("layouts") else _SUFFIXES)


def _own(folder: Path, path: str) -> set[str]:
    """Return the language that a template says it is written in."""
    try:
        with files.opened(files.inside(folder, folder / path), MAX_BYTES) as file:
            head = file.read(_HEAD).decode("utf-8", "replace")
    except files.Unreadable:
        return set()  # whoever compiles it says why
    said = re.match(r"---\s.*?^language:\s*[\"']?([\w-]+)", head, re.DOTALL | re.MULTILINE)
    return {plain(said[1]), primary(said[1])} if said else set()
