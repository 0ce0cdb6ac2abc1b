"""grammar.yaml: rules from which other wordings of a template are made, by chance that is given. No network, no model.

`{a|b|}` is one of its alternatives, which may be empty; `{name}` is a rule, or one of the words that are told, such as
`{shop}`. Tags of templates (`{{ … }}`, `{% … %}`) stay as they are. A rule of a translation has the tag of its language
behind its name: `hello.de`. Files of drafts: jobs/drafts.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mailflow.config.yaml_files import Document, parse_spec, parse_yaml, read_text, suggestion
from mailflow.errors import ProblemsError
from mailflow.templates.languages import chain, plain

GRAMMAR_FILE = "grammar.yaml"
PARTS = ("subject", "preheader", "body")
_DEEPEST = 20  # rules within rules
_LONGEST = 50_000  # characters of one wording
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_RULE = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)?\Z")


class Wording(BaseModel):
    """One way to say it: how often it is taken beside the others, and for which word of the brand's tone only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    weight: float = Field(default=1.0, gt=0, le=1000)
    tone: str | None = None


def _wording(value: Any) -> Any:
    return {"text": value} if isinstance(value, str) else value


def _wordings(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Wordings = Annotated[list[Annotated[Wording, BeforeValidator(_wording)]], BeforeValidator(_wordings)]


class GrammarFile(BaseModel):
    """What grammar.yaml holds: rules for all templates, and those of one template, which come before them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: dict[str, Wordings] = {}
    templates: dict[str, dict[str, Wordings]] = {}


class GrammarError(ValueError):
    """A rule that cannot be followed, in words."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """The rules for one template, with the words that are told beside them and the words of the brand's tone."""

    rules: Mapping[str, Sequence[Wording]]
    told: Mapping[str, str]
    tone: frozenset[str] = frozenset()
    language: str = ""  # of a translation, whose rules have its tag in their names

    def write(self, part: str, dice: random.Random) -> str:
        """Return one wording of a part; `GrammarError` for a rule that does not exist or never ends."""
        return _clean(self._rule(part, dice, 0))

    def _rule(self, name: str, dice: random.Random, depth: int) -> str:
        if name == "tone" and self.tone:
            return dice.choice(sorted(self.tone))
        if name not in self.rules:
            if name in self.told:
                return self.told[name]
            if self.language:
                raise GrammarError(
                    f"the rule {{{name}}} has no wording in {self.language}: write {name}.{self._suffix}"
                )
            raise GrammarError(f"unknown rule {{{name}}}{suggestion(name, [*self.rules, *self.told])}")
        if depth > _DEEPEST:
            raise GrammarError(f"the rule {{{name}}} leads to itself without an end")
        fitting = [one for one in self.rules[name] if one.tone is None or one.tone.casefold() in self.tone]
        if not fitting:
            raise GrammarError(f"the rule {{{name}}} has no wording for the tone of brand.yaml: give it one without")
        (chosen,) = dice.choices(fitting, [one.weight for one in fitting])
        return self._filled(chosen.text, dice, depth)

    @property
    def _suffix(self) -> str:
        return plain(self.language).replace("-", "_")

    def _filled(self, text: str, dice: random.Random, depth: int) -> str:
        said = _said(text, dice, self, depth)
        if len(said) > _LONGEST:
            raise GrammarError(f"a wording grew over {_LONGEST:,} characters")
        return said

    def of_template(self, rules: Mapping[str, Sequence[Wording]]) -> Grammar:
        """Return the grammar with further rules that come before its own."""
        return replace(self, rules={**self.rules, **rules})


def _said(text: str, dice: random.Random, grammar: Grammar, depth: int) -> str:
    """Return what a text says, with one alternative of each of its groups; tags stay as they are."""
    place = 0
    said: list[str] = []
    while place < len(text):
        if (tag := _TAG.match(text, place)) is not None:
            said.append(tag[0])
            place = tag.end()
        elif text[place] == "\\" and text[place + 1 : place + 2] in ("{", "}", "|"):
            said.append(text[place + 1])
            place += 2
        elif text[place] == "{":
            group, place = _group(text, place + 1, dice, grammar, depth)
            said.append(group)
        else:
            said.append(text[place])
            place += 1
    return "".join(said)


def _group(text: str, place: int, dice: random.Random, grammar: Grammar, depth: int) -> tuple[str, int]:
    """Return what a group says whose `{` ended before `place`, and where the text goes on."""
    end = _end_of(text, place)
    inside = text[place:end]
    if _RULE.match(inside):
        return grammar._rule(inside, dice, depth + 1), end + 1
    alternatives = _alternatives(inside)
    if len(alternatives) == 1:
        words = " ".join(inside.split())
        raise GrammarError(f"{{{words}}} is neither the name of a rule nor alternatives such as {{this|that}}")
    chosen = dice.choice(alternatives)
    return _said(chosen, dice, grammar, depth + 1), end + 1


def _end_of(text: str, place: int) -> int:
    """Return where the group ends that is open at a place."""
    depth = 1
    while place < len(text):
        if (tag := _TAG.match(text, place)) is not None:
            place = tag.end()
            continue
        if text[place] == "\\":
            place += 2
            continue
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place
        place += 1
    raise GrammarError("a { has no }: write \\{ for the sign itself")


def _alternatives(text: str) -> list[str]:
    """Return the alternatives of a group: what its own bars part, not those of groups or tags in it."""
    found, begin, place = [], 0, 0
    while place < len(text):
        if (tag := _TAG.match(text, place)) is not None:
            place = tag.end()
        elif text[place] == "\\":
            place += 2
        elif text[place] == "{":
            place = _end_of(text, place + 1) + 1
        elif text[place] == "|":
            found.append(text[begin:place])
            begin = place = place + 1
        else:
            place += 1
    return [*found, text[begin:]]


def _clean(text: str) -> str:
    """Return a text without what alternatives that say nothing leave: doubled spaces inside lines, empty paragraphs."""
    text = re.sub(r"(?<=\S) {2,}(?=\S)", " ", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


@dataclass(frozen=True, slots=True)
class Rules:
    """A grammar file that was read, with where each of its rules stands."""

    file: GrammarFile
    document: Document

    def has(self, template: str, tag: str = "") -> bool:
        """Say whether there are rules for the own parts of one template, or of its translation of that tag."""
        return any(part in self._own(template, tag) for part in PARTS)

    def of(self, template: str, told: Mapping[str, str], tone: Sequence[str], tag: str = "") -> Grammar:
        """Return the grammar for a template; for a translation the rules of its language, and no others.

        The rule `hello` is in German where it is called `hello.de`: no letter is half in one language, half in another.
        """
        shared: Mapping[str, Sequence[Wording]] = self.file.rules
        if tag:
            shared = {
                name.rpartition(".")[0]: wordings
                for each in reversed(chain(tag))
                for name, wordings in shared.items()
                if name.endswith(f".{each.replace('-', '_')}")
            }
        words = frozenset(word.casefold() for word in tone)
        return Grammar(shared, told, words, tag).of_template(self._own(template, tag))

    def place(self, template: str, tag: str = "") -> tuple[str, ...]:
        """Return where in the file what is wrong with the wordings of a template is told."""
        key = self._key(template, tag)
        return ("templates", key) if key in self.file.templates else ("rules",)

    def _own(self, template: str, tag: str) -> Mapping[str, Sequence[Wording]]:
        return self.file.templates.get(self._key(template, tag), {})

    def _key(self, template: str, tag: str) -> str:
        """Return the key of a template under `templates:`; of a translation the nearest one that there is."""
        if not tag:
            return template
        own = f"{template}."
        known = {plain(key.removeprefix(own)): key for key in self.file.templates if key.startswith(own)}
        return next((known[each] for each in chain(tag) if each in known), f"{own}{tag}")


def read(path: Path) -> Rules:
    """Read a grammar file; `ProblemsError` names what is wrong in it, with line and column."""
    document = parse_yaml(read_text(path, path.name), path.name)
    rules = Rules(parse_spec(GrammarFile, document), document)
    names = [*rules.file.rules, *(name for own in rules.file.templates.values() for name in own)]
    wrong = [name for name in names if not _RULE.match(name)]
    if wrong:
        message = f"{wrong[0]!r} is not the name of a rule: small letters, digits and _"
        raise ProblemsError([document.problem(("rules", wrong[0]), message, at_key=True)])
    return rules
