"""The branches of a template, and which of them a person's message takes. Rendering for good: compiled.py.

Only the tags of a template are run here, one on a line so that every line is a place in a file, with a mark at every
condition and loop. What is sent never holds a mark: it is compiled apart from this.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from jinja2 import Template, nodes, pass_context
from jinja2.runtime import Context
from jinja2.visitor import NodeTransformer

from mailflow.templates import conditions, source
from mailflow.templates.compiled import RENDER_ERRORS, CompiledTemplate
from mailflow.templates.conditions import Wording
from mailflow.templates.environment import MailEnvironment, run
from mailflow.templates.mistakes import sentence
from mailflow.templates.parts import TemplateError
from mailflow.templates.tags import CLOSING, OPENING, Tag, Tags

_ASKED, _REACHED = "__asked__", "__reached__"
_INLINE = re.compile(r"\bif\b")
_LINE_END = re.compile(r"\r\n|\r|\n")  # as Jinja counts lines
_FIELDS = (("subject", "subject"), ("preheader", "preheader"), ("from_name", "from"))


@dataclass(frozen=True, slots=True)
class Branch:
    """One way through a condition or a loop. `is_written` where the file says something for it.

    `words` are those of the file, `name` says for whom it is: the comment behind the tag, else what conditions.py says
    of it. Of an `if` without `else` the way past it is a branch too, which nobody wrote; so is a loop over nothing.
    """

    file: str
    line: int
    words: str
    is_written: bool
    name: str

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


class Branches:
    """The branches of one template. What `taken` returns has a bit for each that was taken, by its place in `all`.

    Of mailflow's own layouts and blocks only what stands outside of their loops counts: which of ten products has an
    old price makes no other message. `types` are those of the shop's own fields, for the names of branches.
    """

    def __init__(self, template: CompiledTemplate, types: Mapping[str, str] = MappingProxyType({})) -> None:
        self._template = template
        self._marker = _Marker(Wording(types))
        self._ways = {id(each): self._way(each) for each in (template, *template.translations.values())}
        self.all: Sequence[Branch] = tuple(self._marker.branches)

    def _way(self, template: CompiledTemplate) -> tuple[int, Template]:
        """Return the bit of a template in one language, where it is in several, and what marks its branches."""
        bit = self._marker.language(template) if self._template.translations else 0
        found = template.source
        texts = [(getattr(found.front, name), key) for name, key in _FIELDS]
        fields = [_field_tags(text, found, key) for text, key in texts if text and "{" in text]
        return bit, self._marker.compiled(tag for tags in (*fields, *template.tags()) for tag in tags)

    def of(self, taken: int) -> list[Branch]:
        """Return the branches of a number that `taken` returned."""
        return [branch for number, branch in enumerate(self.all) if taken >> number & 1]

    def taken(self, context: Mapping[str, Any]) -> int:
        """Return which branches the message of one person takes; `TemplateError` where it cannot be made.

        `context` is that of `CompiledTemplate.render`.
        """
        template = self._template.for_reader(context)
        self._marker.taken, program = self._ways[id(template)]
        try:
            run(program, template.values(context))
        except RENDER_ERRORS as error:
            self._template.render(context)  # says it in the words that sending would
            raise TemplateError.at(self._template.file, sentence(error)) from None
        return self._marker.taken


def _field_tags(text: str, found: source.Source, key: str) -> list[Tag]:
    """Return the tags of a text of the front matter."""
    place = found.document.problem((key,), "")
    tags = Tags(text)
    tags.swap(MailEnvironment(is_html=False), text, place.file, lambda tag: "")
    return [replace(tag, file=place.file, line=place.line or 1) for tag in tags.all]


def _program(tags: Iterable[Tag]) -> tuple[list[str], list[Tag]]:
    """Return the tags that branch as a program, and for each line of it the tag that stands there."""
    lines, places = [], []
    for tag in tags:
        if tag.is_statement or (tag.is_value and _INLINE.search(tag.inside)):
            lines.append(tag.source())
            places += [tag] * len(_LINE_END.split(lines[-1]))
    return lines, places


def _otherwise(places: Sequence[Tag]) -> dict[int, Tag]:
    """Return the `else` of each statement that has one, by the line of the statement."""
    found: dict[int, Tag] = {}
    stack: list[int] = []
    for number, tag in enumerate(places, 1):
        if number > 1 and places[number - 2] is tag:
            continue
        if tag.name in OPENING:
            stack.append(number)
        elif tag.name == "else" and stack:
            found[stack[-1]] = tag
        elif tag.name in CLOSING and stack:
            stack.pop()
    return found


class _Marker(MailEnvironment):
    """Jinja that notes which branches a render takes."""

    def __init__(self, wording: Wording) -> None:
        super().__init__(is_html=False)
        self.wording = wording
        self.branches: dict[Branch, int] = {}
        self.taken = 0
        self.places: Sequence[Tag] = ()
        self.otherwise: Mapping[int, Tag] = {}
        self.filters[_ASKED] = self._asked
        self.filters[_REACHED] = self._reached

    def compiled(self, tags: Iterable[Tag]) -> Template:
        """Return tags as a program that marks their branches."""
        lines, self.places = _program(tags)
        self.otherwise = _otherwise(self.places)
        return self.from_string("\n".join(lines))

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return _Marking(self).visit(super()._parse(source, name, filename))  # type: ignore[no-any-return]

    # With the context, so that Jinja does not carry them out once and for all while it compiles.
    @pass_context
    def _asked(self, context: Context, value: Any, yes: int, no: int) -> Any:
        self.taken |= yes if value else no
        return value

    @pass_context
    def _reached(self, context: Context, bit: int) -> str:
        self.taken |= bit
        return ""

    def language(self, template: CompiledTemplate) -> int:
        """Return the bit of a template in one of its languages."""
        tag = template.front.language
        words = f"in {tag}" if tag else "in any other language"
        name = f"in {conditions.language_name(tag)}" if tag else words
        return self.bit(Tag("", "", template.file, 1), words, name=name, is_written=True)

    def bit(self, tag: Tag, words: str, *, name: str | None, is_written: bool) -> int:
        """Return the bit of a branch, the same for the same words at the same place; without a name they are that."""
        said = " ".join(words.split())
        branch = Branch(tag.file, tag.line, said, is_written, name or said)
        return 1 << self.branches.setdefault(branch, len(self.branches))


class _Marking(NodeTransformer):
    """Puts a mark into every branch of a tree that guard.py passed."""

    def __init__(self, marker: _Marker) -> None:
        self.marker = marker
        self.depth = 0

    def visit_If(self, node: nodes.If) -> nodes.Node:
        if self._counts(node):
            chain = (node, *node.elif_)
            others = self._others(chain)
            for branch in chain:
                yes = self._yes(branch)
                self._ask(branch, yes, self._no(node, others) if branch is chain[-1] else 0)
        for each in (node.test, *node.body, *node.else_):
            self.visit(each)
        for branch in node.elif_:
            for each in (branch.test, *branch.body):
                self.visit(each)
        return node

    def visit_For(self, node: nodes.For) -> nodes.Node:
        counts = self._counts(node)
        self.depth += 1
        self.generic_visit(node)
        self.depth -= 1
        if counts:
            node.body.insert(0, self._mark(self._yes(node), node))
            node.else_.insert(0, self._mark(self._no(node, self._others([node])), node))
        return node

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.Node:
        if self._counts(node):
            tag, said = self._tag(node), self.marker.wording
            has_no = node.expr2 is not None
            yes = self.marker.bit(tag, f"yes: {tag.inside}", name=said.of(node.test, holds=True), is_written=True)
            no = self.marker.bit(tag, f"no: {tag.inside}", name=said.of(node.test, holds=False), is_written=has_no)
            self._ask(node, yes, no)
        return self.generic_visit(node)

    def _yes(self, node: nodes.If | nodes.For) -> int:
        """Return the bit of what an `if`, an `elif` or a loop says."""
        tag = self._tag(node)
        return self.marker.bit(tag, tag.inside, name=self._name(node, holds=True), is_written=True)

    def _no(self, node: nodes.If | nodes.For, others: str | None) -> int:
        """Return the bit of the way past an `if` with its `elif`, or past a loop; `others` says whose it is."""
        tag, otherwise = self._tag(node), self.marker.otherwise.get(node.lineno)
        if otherwise is None:
            words = f"{'none' if tag.name == 'for' else 'no'}: {tag.inside}"
            return self.marker.bit(tag, words, name=others, is_written=False)
        return self.marker.bit(otherwise, f"else of {tag.inside}", name=otherwise.note or others, is_written=True)

    def _others(self, chain: Iterable[nodes.If | nodes.For]) -> str | None:
        """Return for whom none of several branches is; asked before their conditions are marked."""
        said = [self._name(branch, holds=False) for branch in chain]
        return None if None in said else ", ".join(filter(None, said))

    def _name(self, node: nodes.If | nodes.For, *, holds: bool) -> str | None:
        """Return for whom a branch is, or the way past it: what its comment says, else its condition in words."""
        if note := self._tag(node).note:
            return note if holds else f"all but {note}"
        if isinstance(node, nodes.For):
            return None if node.test is not None else self.marker.wording.of(node.iter, holds=holds)
        return self.marker.wording.of(node.test, holds=holds)

    def _ask(self, node: Any, yes: int, no: int) -> None:
        node.test = self._filter(_ASKED, node.test, nodes.Const(yes), nodes.Const(no))

    def _mark(self, bit: int, node: nodes.Node) -> nodes.Output:
        return nodes.Output([self._filter(_REACHED, nodes.Const(bit))], lineno=node.lineno)

    def _filter(self, name: str, value: nodes.Expr, *arguments: nodes.Expr) -> nodes.Filter:
        return nodes.Filter(value, name, list(arguments), [], None, None, lineno=value.lineno, environment=self.marker)

    def _counts(self, node: nodes.Node) -> bool:
        return self.depth == 0 or not self._tag(node).file.startswith(source.SHIPPED)

    def _tag(self, node: nodes.Node) -> Tag:
        return self.marker.places[node.lineno - 1]
