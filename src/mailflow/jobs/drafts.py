"""Drafts: other wordings of a template, as files for somebody to read and sign.

A draft is a whole template in `templates/drafts/` that says `reviewed: no`, with a file for each translation of the
template; what that line means is in templates/review. Where the wordings come from: draft_words.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from mailflow import templates
from mailflow.config.yaml_files import Document
from mailflow.errors import MailflowError, UnavailableError, UsageError
from mailflow.jobs import lint
from mailflow.jobs.draft_words import ITSELF, Original, Wording, Wordings, Words, words_of
from mailflow.templates import TemplateError, review, translations
from mailflow.templates.lint.checks import Severity
from mailflow.templates.source import SUFFIXES, Files, Source, names, read_source
from mailflow.workspace import Workspace

MOST = 20  # drafts at a time
_LETTERS = string.ascii_lowercase


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft in a file: `name` as a template, what lint says of it, why it cannot be sent; None where it can.

    Of a template in several languages each is a draft of its own, `drafts/win_back.a` and `drafts/win_back.a.de`.
    """

    name: str
    file: str
    subject: str
    trouble: str | None
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drafted:
    """What came of it: drafts that were written, and why others were not, in words."""

    drafts: tuple[Draft, ...]
    dropped: tuple[str, ...]


def write(workspace: Workspace, original: Original, wordings: Wordings, *, wanted: int, now: datetime) -> Drafted:
    """Write wordings that are new as drafts, up to `wanted`; those that lint has an error for are taken away again."""
    dropped: list[str] = []
    repeated = 0
    known = {_key(original.words), *map(_key, _drafts_of(workspace, original.name))}
    made: list[str] = []
    for wording in _until_failure(wordings, made, dropped):
        if _key(wording) in known or not _is_whole(wording):
            repeated += _key(wording) in known
            dropped += [] if _key(wording) in known else ["a wording without a subject or a body"]
            continue
        known.add(_key(wording))
        try:
            made.append(_write_new(workspace, original, wording))
        except TemplateError as error:
            dropped.append(f"a wording that is no template: {error.problems[0].message}")
        if len(made) == wanted:
            break
    if repeated and len(made) < wanted:
        dropped.append(f"{repeated} wordings that were there already: the grammar has no more, or says the same again")
    return _linted(workspace, made, dropped, now)


def _key(wording: Wording) -> tuple[tuple[str, ...], ...]:
    return tuple(words.key for _, words in sorted(wording.items()))


def _is_whole(wording: Wording) -> bool:
    return all(words.subject.strip() and words.body.strip() for words in wording.values())


def _until_failure(wordings: Wordings, made: Sequence[str], dropped: list[str]) -> Wordings:
    """Yield wordings until a command fails; what was made before that is kept, a first failure is raised."""
    try:
        yield from wordings
    except UnavailableError as error:
        if not made:
            raise
        dropped.append(str(error))


def drafts(workspace: Workspace) -> list[Draft]:
    """Return all drafts there are, by name, each followed by its translations."""
    return [_draft(workspace, each, ()) for name in _names(workspace) for each in _with_translations(workspace, name)]


def unsigned(workspace: Workspace, signed: Draft) -> list[Draft]:
    """Return what is left to sign of the draft that one file belongs to, in its other languages."""
    found = (_draft(workspace, each, ()) for each in _with_translations(workspace, whole(workspace, signed)))
    return [draft for draft in found if draft.trouble is not None]


def whole(workspace: Workspace, draft: Draft) -> str:
    """Return the name that campaigns say of a draft, which may be one of its translations."""
    path = draft.file.partition("/")[2]
    of = translations.original(workspace.templates, path)
    return path.rpartition(".")[0] if of is None else of[0]


def sign(workspace: Workspace, name: str, who: str, day: date) -> Draft:
    """Write into a draft who has read it and when, with the mark of what they read."""
    source = read_source(Files(workspace.templates), name)
    path = workspace.root / source.file
    text = path.read_text(encoding="utf-8")
    if review.of_text(text, is_draft=review.is_draft(source.file, workspace.templates.name)) is None:
        raise UsageError(f"{name} is no draft, so it needs no review: drafts are in templates/{review.DRAFTS}")
    templates.load(workspace.templates, name, unreviewed=True)  # a draft that is broken is not one to sign
    try:
        text = review.signed(text, who, day)
    except ValueError as error:
        raise UsageError(f"--reviewed-by: {error}") from None
    path.write_text(text, encoding="utf-8")
    return _draft(workspace, source.file.partition("/")[2].rpartition(".")[0], ())


def _linted(workspace: Workspace, made: Sequence[str], dropped: list[str], now: datetime) -> Drafted:
    if not made:
        return Drafted((), tuple(dropped))
    report = lint.lint(workspace, lint.Options(names=tuple(made)), now=now)
    kept: list[Draft] = []
    for name in made:
        files = [_draft(workspace, each, ()) for each in _with_translations(workspace, name)]
        own = {draft.file: [each for each in report.findings if each.place.file == draft.file] for draft in files}
        errors = [(draft, each) for draft in files for each in own[draft.file] if each.check.severity is Severity.ERROR]
        if errors:
            for draft in files:
                (workspace.root / draft.file).unlink()
            draft, finding = errors[0]
            dropped.append(f"“{draft.subject}”: {finding.message} ({finding.check.code})")
            continue
        for draft in files:
            told = (each for each in own[draft.file] if each.check.severity is Severity.WARNING)
            kept.append(replace(draft, findings=tuple(f"{each.message} ({each.check.code})" for each in told)))
    return Drafted(tuple(kept), tuple(dropped))


def _draft(workspace: Workspace, name: str, findings: tuple[str, ...]) -> Draft:
    source = read_source(Files(workspace.templates), name)
    text = (workspace.root / source.file).read_text(encoding="utf-8")
    said = review.of_text(text, is_draft=True)
    return Draft(name, source.file, source.front.subject, said.trouble if said else None, findings)


def _names(workspace: Workspace) -> list[str]:
    return [name for name in names(workspace.templates) if name.startswith(f"{review.DRAFTS}/")]


def _with_translations(workspace: Workspace, name: str) -> list[str]:
    """Return the name of a draft and those of its translations."""
    path = read_source(Files(workspace.templates), name).file.partition("/")[2]
    known = translations.of_file(workspace.templates, path, SUFFIXES)
    return [name, *(found.rpartition(".")[0] for _, paths in sorted(known.items()) for found in paths)]


def _drafts_of(workspace: Workspace, name: str) -> Iterator[Wording]:
    """Yield the wordings of the drafts there are of a template; one that cannot be read is another's to tell of."""
    for draft in _names(workspace):
        if draft.rpartition(".")[0] == f"{review.DRAFTS}/{name}":
            try:
                yield {
                    each.removeprefix(draft)[1:]: words_of(read_source(Files(workspace.templates), each))
                    for each in _with_translations(workspace, draft)
                }
            except MailflowError:
                continue


def _write_new(workspace: Workspace, original: Original, wording: Wording) -> str:
    """Write a draft under the next free letter and return its name; `TemplateError` where it cannot be compiled."""
    texts = {tag: _text(workspace, source, wording[tag]) for tag, source in original.sources.items()}
    for letter in _LETTERS:
        draft = f"{review.DRAFTS}/{original.name}.{letter}"
        paths = {tag: workspace.templates / f"{draft}{_suffix(tag, each)}" for tag, each in original.sources.items()}
        if any(path.exists() for path in paths.values()):
            continue
        paths[ITSELF].parent.mkdir(parents=True, exist_ok=True)
        try:
            for tag, path in paths.items():
                path.write_text(texts[tag], encoding="utf-8", newline="\n")
            templates.load(workspace.templates, draft, unreviewed=True)
        except TemplateError:
            for path in paths.values():
                path.unlink()
            raise
        return draft
    raise UsageError(
        f"there are {len(_LETTERS)} drafts of {original.name} already: delete some of templates/{review.DRAFTS}"
    )


def _suffix(tag: str, source: Source) -> str:
    return f"{f'.{tag}' if tag else ''}{Path(source.file).suffix}"


def _text(workspace: Workspace, source: Source, words: Words) -> str:
    """Return a draft: the template with other words, and its other keys as they stand."""
    text = (workspace.root / source.file).read_text(encoding="utf-8").replace("\r\n", "\n")
    lines = text.split("\n")
    end = next(number for number, line in enumerate(lines[1:], 1) if line.rstrip() == "---")
    front = _without_keys(lines[1:end], source.document, ("subject", "preheader", "reviewed"))
    said = [f"subject: {review.quoted(words.subject)}"]
    said += [f"preheader: {review.quoted(words.preheader)}"] if words.preheader.strip() else []
    return "\n".join(["---", *said, *front, f"reviewed: {review.NO}", "---", words.body.strip(), ""])


def _without_keys(lines: Sequence[str], document: Document, keys: Sequence[str]) -> list[str]:
    """Return the lines of a front matter without some of its keys and all that belongs to them."""
    begins = {place[0] - 2: path[0] for path, place in document.keys.items() if len(path) == 1}
    kept, key = [], None
    for number, line in enumerate(lines):
        key = begins.get(number, key)
        if key not in keys:
            kept.append(line)
    return kept
