"""Drafts: other wordings of a template, as files for somebody to read, by a grammar or a command of the owner's.

A draft is a whole template in `templates/drafts/` that says `reviewed: no`; what that means is in templates/review. The
rules are templates/grammar, the command draft_command.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from mailflow import templates
from mailflow.config.brand import Brand, load_brand
from mailflow.config.yaml_files import Document
from mailflow.errors import MailflowError, ProblemsError, UnavailableError, UsageError
from mailflow.jobs import lint
from mailflow.jobs.draft_command import ask
from mailflow.templates import TemplateError, grammar, review
from mailflow.templates.grammar import GRAMMAR_FILE, PARTS, GrammarError
from mailflow.templates.lint.checks import Severity
from mailflow.templates.source import Files, Source, names, read_source
from mailflow.workspace import Workspace

MOST = 20  # drafts at a time
_TRIES = 30  # wordings per draft that is wanted, before the grammar counts as used up
_LETTERS = string.ascii_lowercase
_SAID = re.compile(r"(?P<key>subject|preheader)[ \t]*:[ \t]*(?P<value>.*)\Z", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Words:
    """One wording of a template."""

    subject: str
    preheader: str
    body: str

    @property
    def key(self) -> tuple[str, ...]:
        """What two wordings that read the same have in common."""
        return tuple(" ".join(part.split()) for part in (self.subject, self.preheader, self.body))


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft in a file: `name` as a template, what lint says of it, why it cannot be sent; None where it can."""

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


Wordings = Iterator[Words]


def by_grammar(workspace: Workspace, source: Source, *, name: str, seed: int, wanted: int) -> Wordings:
    """Yield wordings of a template by grammar.yaml; the same files and seed give the same ones.

    `ProblemsError` for a rule that cannot be followed, `UsageError` where there is no grammar.
    """
    path = workspace.root / GRAMMAR_FILE
    if not path.exists():
        raise UsageError(f"there is no {GRAMMAR_FILE}: write rules into it (docs/drafts.md), or name a command: --with")
    rules, brand, words = grammar.read(path), load_brand(workspace.root), words_of(source)
    told = {"shop": workspace.settings.name, **{f"original.{part}": getattr(words, part) for part in PARTS}}
    known = rules.of(name, told, brand.tone)
    try:
        for number in range(wanted * _TRIES):
            dice = random.Random(f"{seed}\0{name}\0{number}")
            parts = {part: known.write(part if part in known.rules else f"original.{part}", dice) for part in PARTS}
            yield Words(**parts)
    except GrammarError as error:
        place = ("templates", name) if rules.has(name) else ("rules",)
        raise ProblemsError([rules.document.problem(place, str(error), at_key=True)]) from None


def by_command(
    workspace: Workspace, source: Source, command: str, *, wanted: int, seconds: float, on_answer: Callable[[], None]
) -> Wordings:
    """Yield wordings that a command of the owner's gives, one for each time that it is asked."""
    brand = load_brand(workspace.root)
    for number in range(1, wanted + 1):
        answer = ask(command, prompt(workspace, source, brand, number, wanted), seconds=seconds)
        on_answer()
        yield read_answer(answer, words_of(source))


def prompt(workspace: Workspace, source: Source, brand: Brand, number: int, wanted: int) -> str:
    """Return what a command is asked: the task, what the brand says, the template. Nothing of any customer."""
    words = words_of(source)
    lines = [
        f"Write variant {number} of {wanted} of this e-mail of {workspace.settings.name}. Make each one different.",
        "Answer with a line `subject: …`, a line `preheader: …`, an empty line, then the body, and nothing else.",
        "Keep every tag in {{ }} and {% %} as it is, keep the language and the links, promise nothing new.",
        "The subject has at most 60 characters, the preheader 40 to 90.",
    ]
    if brand.tone:
        lines.append(f"Tone: {', '.join(brand.tone)}.")
    if brand.banned_words:
        lines.append(f"Words that must not occur: {', '.join(brand.banned_words)}.")
    return "\n".join([*lines, "", f"subject: {words.subject}", f"preheader: {words.preheader}", "", words.body, ""])


def read_answer(answer: str, original: Words) -> Words:
    """Return the wording in a command's answer; what it leaves out is as it was, a fence around it is taken off."""
    text = _CONTROL.sub("", answer.replace("\r\n", "\n")).strip()
    fenced = re.match(r"```[a-z]*\n(.*)\n```\Z", text, re.DOTALL)
    lines = (fenced[1] if fenced else text).split("\n")
    said: dict[str, str] = {}
    while lines and ((match := _SAID.match(lines[0].strip())) or not lines[0].strip()):
        if match is not None:
            said[match["key"].lower()] = match["value"].strip().strip('"').strip()
        lines.pop(0)
    body = "\n".join(lines).strip()
    if not text:
        return Words("", "", "")
    return Words(
        said.get("subject", original.subject), said.get("preheader", original.preheader), body or original.body
    )


def words_of(source: Source) -> Words:
    """Return the wording that a template has."""
    return Words(source.front.subject, source.front.preheader, source.body.strip())


def open_source(workspace: Workspace, name: str) -> Source:
    """Return the template that drafts are made of; `UsageError` for one that is a draft itself."""
    if name.startswith(f"{review.DRAFTS}/"):
        raise UsageError(f"{name} is a draft itself: name the template that it is of")
    return read_source(Files(workspace.templates), name)


def write(
    workspace: Workspace, name: str, source: Source, wordings: Wordings, *, wanted: int, now: datetime
) -> Drafted:
    """Write wordings that are new as drafts, up to `wanted`; those that lint has an error for are taken away again."""
    dropped: list[str] = []
    repeated = 0
    known = {words_of(source).key, *(words_of(one).key for one in _drafts_of(workspace, name))}
    made: list[str] = []
    for words in _until_failure(wordings, made, dropped):
        if words.key in known or not (words.subject.strip() and words.body.strip()):
            repeated += words.key in known
            dropped += [] if words.key in known else ["a wording without a subject or a body"]
            continue
        known.add(words.key)
        try:
            made.append(_write_new(workspace, name, source, words))
        except TemplateError as error:
            dropped.append(f"a wording that is no template: {error.problems[0].message}")
        if len(made) == wanted:
            break
    if repeated and len(made) < wanted:
        dropped.append(f"{repeated} wordings that were there already: the grammar has no more, or says the same again")
    return _linted(workspace, made, dropped, now)


def _until_failure(wordings: Wordings, made: Sequence[str], dropped: list[str]) -> Wordings:
    """Yield wordings until a command fails; what was made before that is kept, a first failure is raised."""
    try:
        yield from wordings
    except UnavailableError as error:
        if not made:
            raise
        dropped.append(str(error))


def drafts(workspace: Workspace) -> list[Draft]:
    """Return all drafts there are, by name."""
    return [_draft(workspace, name, ()) for name in _names(workspace)]


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
    kept = []
    for name in made:
        draft = _draft(workspace, name, ())
        own = [finding for finding in report.findings if finding.place.file == draft.file]
        errors = [f for f in own if f.check.severity is Severity.ERROR]
        if errors:
            (workspace.root / draft.file).unlink()
            dropped.append(f"“{draft.subject}”: {errors[0].message} ({errors[0].check.code})")
        else:
            told = [f"{f.message} ({f.check.code})" for f in own if f.check.severity is Severity.WARNING]
            kept.append(Draft(name, draft.file, draft.subject, draft.trouble, tuple(told)))
    return Drafted(tuple(kept), tuple(dropped))


def _draft(workspace: Workspace, name: str, findings: tuple[str, ...]) -> Draft:
    source = read_source(Files(workspace.templates), name)
    text = (workspace.root / source.file).read_text(encoding="utf-8")
    said = review.of_text(text, is_draft=True)
    return Draft(name, source.file, source.front.subject, said.trouble if said else None, findings)


def _names(workspace: Workspace) -> list[str]:
    return [name for name in names(workspace.templates) if name.startswith(f"{review.DRAFTS}/")]


def _drafts_of(workspace: Workspace, name: str) -> Iterator[Source]:
    """Yield the drafts there are of a template; one that cannot be read is another's to tell of."""
    for draft in _names(workspace):
        if draft.rpartition(".")[0] == f"{review.DRAFTS}/{name}":
            try:
                yield read_source(Files(workspace.templates), draft)
            except MailflowError:
                continue


def _write_new(workspace: Workspace, name: str, source: Source, words: Words) -> str:
    """Write a draft under the next free letter and return its name; `TemplateError` where it cannot be compiled."""
    suffix = Path(source.file).suffix
    text = _text(workspace, source, words)
    for letter in _LETTERS:
        draft = f"{review.DRAFTS}/{name}.{letter}"
        path = workspace.templates / f"{draft}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except FileExistsError:
            continue
        try:
            templates.load(workspace.templates, draft, unreviewed=True)
        except TemplateError:
            path.unlink()
            raise
        return draft
    raise UsageError(f"there are {len(_LETTERS)} drafts of {name} already: delete some of templates/{review.DRAFTS}")


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
