"""The wordings that drafts are made of, by grammar.yaml or a command of the owner's. Their files: drafts.

A wording says a template anew in every language that it is written in: what nobody words anew stays as it was.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from mailflow.config.brand import load_brand
from mailflow.errors import ProblemsError, UsageError
from mailflow.jobs.draft_command import ask
from mailflow.templates import grammar, review, translations
from mailflow.templates.conditions import language_name
from mailflow.templates.grammar import GRAMMAR_FILE, PARTS, GrammarError, Rules
from mailflow.templates.source import SUFFIXES, Files, Source, read_source
from mailflow.workspace import Workspace

_TRIES = 30  # wordings per draft that is wanted, before the grammar counts as used up
_SAID = re.compile(r"(?P<key>subject|preheader)[ \t]*:[ \t]*(?P<value>.*)\Z", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
ITSELF = ""  # the key of a template's own words, beside those of its translations by tag


@dataclass(frozen=True, slots=True)
class Words:
    """What a wording says in one language."""

    subject: str
    preheader: str
    body: str

    @property
    def key(self) -> tuple[str, ...]:
        """What two wordings that read the same have in common."""
        return tuple(" ".join(part.split()) for part in (self.subject, self.preheader, self.body))

    @property
    def text(self) -> str:
        """The words as a command reads them, and writes them."""
        return f"subject: {self.subject}\npreheader: {self.preheader}\n\n{self.body}\n"


Wording = Mapping[str, Words]  # by the tag of a translation as its file has it; the template's own under ITSELF
Wordings = Iterator[Wording]


@dataclass(frozen=True, slots=True)
class Original:
    """The template that drafts are of, with its translations by tag as their files have it."""

    name: str
    sources: Mapping[str, Source]

    @classmethod
    def open(cls, workspace: Workspace, name: str) -> Self:
        """Read a template; `UsageError` for one that is a draft itself, or a translation of another."""
        if name.startswith(f"{review.DRAFTS}/"):
            raise UsageError(f"{name} is a draft itself: name the template that it is of")
        own = read_source(Files(workspace.templates), name)
        path = own.file.removeprefix(f"{workspace.templates.name}/")
        if (of := translations.original(workspace.templates, path)) is not None:
            raise UsageError(f"{path} is a translation: `mailflow draft {of[0]}` words it anew with the template")
        name = path.rpartition(".")[0]
        known = translations.of_file(workspace.templates, path, SUFFIXES)
        tags = [found[0].removeprefix(f"{name}.").rpartition(".")[0] for _, found in sorted(known.items())]
        return cls(
            name, {ITSELF: own, **{tag: read_source(Files(workspace.templates), f"{name}.{tag}") for tag in tags}}
        )

    @property
    def words(self) -> Wording:
        """The wording that it has."""
        return {tag: words_of(source) for tag, source in self.sources.items()}


def words_of(source: Source) -> Words:
    """Return the words of a template file."""
    return Words(source.front.subject, source.front.preheader, source.body.strip())


def unruled(workspace: Workspace, original: Original) -> list[str]:
    """Return the names of translations that grammar.yaml has no rules for, so that they stay as they are."""
    rules = grammar.read(workspace.root / GRAMMAR_FILE)
    names = {tag: f"{original.name}.{tag}" for tag in original.sources if tag != ITSELF}
    return [name for tag, name in names.items() if not rules.has(original.name, tag)]


def by_grammar(workspace: Workspace, original: Original, *, seed: int, wanted: int) -> Wordings:
    """Yield wordings of a template by grammar.yaml; the same files and seed give the same ones.

    `ProblemsError` for a rule that cannot be followed, `UsageError` where there is no grammar.
    """
    path = workspace.root / GRAMMAR_FILE
    if not path.exists():
        raise UsageError(f"there is no {GRAMMAR_FILE}: write rules into it (docs/drafts.md), or name a command: --with")
    rules = grammar.read(path)
    for number in range(wanted * _TRIES):
        yield {
            tag: _by_rules(workspace, rules, original, tag, random.Random(_seed(seed, original.name, number, tag)))
            for tag in original.sources
        }


def _seed(seed: int, name: str, number: int, tag: str) -> str:
    return "\0".join(filter(None, (str(seed), name, str(number), tag)))


def _by_rules(workspace: Workspace, rules: Rules, original: Original, tag: str, dice: random.Random) -> Words:
    words = words_of(original.sources[tag])
    told = {"shop": workspace.settings.name, **{f"original.{part}": getattr(words, part) for part in PARTS}}
    known = rules.of(original.name, told, load_brand(workspace.root).tone, tag)
    try:
        return Words(*(known.write(part if part in known.rules else f"original.{part}", dice) for part in PARTS))
    except GrammarError as error:
        raise ProblemsError(
            [rules.document.problem(rules.place(original.name, tag), str(error), at_key=True)]
        ) from None


def by_command(
    workspace: Workspace,
    original: Original,
    command: str,
    *,
    wanted: int,
    seconds: float,
    on_answer: Callable[[], None],
) -> Wordings:
    """Yield wordings that a command of the owner's gives, asked once for each and once for each translation of it."""
    for number in range(1, wanted + 1):
        wording: dict[str, Words] = {}
        for tag, source in original.sources.items():
            asked = prompt(workspace, source, number, wanted, tag=tag, said=wording.get(ITSELF))
            wording[tag] = read_answer(ask(command, asked, seconds=seconds), words_of(source))
            on_answer()
        yield wording


def prompt(
    workspace: Workspace, source: Source, number: int, wanted: int, *, tag: str = ITSELF, said: Words | None = None
) -> str:
    """Return what a command is asked: the task, what the brand says, the template. Nothing of any customer.

    Of a translation it is told what the wording says in the template's own language.
    """
    brand, language = load_brand(workspace.root), f" in {language_name(tag)}" if tag else ""
    lines = [
        f"Write variant {number} of {wanted} of this e-mail of {workspace.settings.name}{language}."
        " Make each one different.",
        "Answer with a line `subject: …`, a line `preheader: …`, an empty line, then the body, and nothing else.",
        "Keep every tag in {{ }} and {% %} as it is, keep the language and the links, promise nothing new.",
        "The subject has at most 60 characters, the preheader 40 to 90.",
    ]
    if brand.tone:
        lines.append(f"Tone: {', '.join(brand.tone)}.")
    if brand.banned_words:
        lines.append(f"Words that must not occur: {', '.join(brand.banned_words)}.")
    if tag and said is not None:
        lines += [f"Say{language} what this wording says, as far as the e-mail below it has it:", "", said.text]
    return "\n".join([*lines, "", words_of(source).text])


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
