"""From the files of a template to the sources that Jinja compiles: body, blocks, layout, brand and CSS put together.

Files: source.py. Tags out and in: tags.py. Markdown: markdown.py. MJML: mjml.py. CSS: inline.py. Text part:
plaintext.py. What renders them per person: compiled.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jinja2
from markupsafe import escape

from mailflow.errors import Problem
from mailflow.templates import (
    foreign,
    guard,
    inline,
    languages,
    links,
    markdown,
    markup,
    mjml,
    plaintext,
    source,
    trial,
)
from mailflow.templates.environment import HTML, MAX_OUTPUT
from mailflow.templates.linking import How
from mailflow.templates.mistakes import sentence
from mailflow.templates.parts import TemplateError
from mailflow.templates.pictures import Pictures
from mailflow.templates.source import Kind
from mailflow.templates.tags import Tag, Tags, included

MAX_INCLUDES = 5  # of includes inside includes

_WIDEST = 512  # pixels of the text in the shipped layouts: that of a picture in Markdown

_OWN_BLOCK = re.compile(rf"\binclude\b(?!\s*[\"']{source.BLOCKS})")
_LOOK = re.compile(r"(?:brand|writing)(?:\.[a-z_]+)+\Z")  # the same for everybody
_OPENING_BODY = re.compile(r"<(?:mj-)?body\b[^<>]*(?<!/)>", re.IGNORECASE)  # that in <mj-attributes> is closed at once
_BEFORE_BODY = (re.compile(r"</head\s*>", re.IGNORECASE), re.compile(r"<html\b[^<>]*>", re.IGNORECASE))
_PREHEADER = (
    '<div style="display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;font-size:1px;line-height:1px;'
    'mso-hide:all">%s' + "&#8199;&#847;" * 40 + "</div>"
)


@dataclass(frozen=True, slots=True)
class Document:
    """The whole message before Jinja compiles it: sources in its language.

    `once` has MJML and CSS worked in already; None where that depends on the person. Then `finish` does it to `raw`,
    rendered.
    """

    raw: str
    once: str | None
    text: str
    finish: Callable[[str], str]
    pictures: Pictures


def document(files: source.Files, found: source.Source, layout: source.Layout | None, how: How = How()) -> Document:
    """Return the sources of a template; `TemplateError` where its files do not fit together, or are too much."""
    builder = _Builder(files, found, layout, how)
    if not builder.is_large:
        return builder.document()
    made, files.read, files.asked = trial.held(
        lambda: (builder.document(), builder.files.read, builder.files.asked), found.file
    )
    return made


def tags(files: source.Files, found: source.Source, layout: source.Layout | None) -> list[list[Tag]]:
    """Return the tags in order: of the HTML part, and of the text part where its frame is the workspace's own."""
    builder = _Builder(files, found, layout)
    return trial.held(builder.tags_in_order, found.file) if builder.is_large else builder.tags_in_order()


def look(files: source.Files, found: source.Source, how: How) -> Mapping[str, Any]:
    """Return what the look of a template goes by: the `brand`, and the `writing` of the language it is in."""
    return {"brand": files.brand, "writing": languages.writing(found.front.language or how.language)}


def _from_mjml(rendered: str) -> str:
    return inline.inline_css(mjml.to_html(rendered))


class _Builder:
    """Puts body, includes and layout together, with words for tags, and makes the sources of all parts of it."""

    def __init__(
        self, files: source.Files, found: source.Source, layout: source.Layout | None, how: How = How()
    ) -> None:
        self.files = files
        self.found = found
        self.layout = layout
        self.how = how
        self.look = look(files, found, how)
        self.pictures = Pictures(files.folder, how, files.read)
        self.tags = Tags(found.body + (layout.text + layout.plain if layout else ""))
        self._open: list[str] = []
        self._size = 0  # characters of all files put in, with those that are put in several times

    @property
    def is_large(self) -> bool:
        """Whether the workspace's own files are too much to be put together without a look at what it takes."""
        own = [text for file, text in self.files.read.items() if not file.startswith(source.SHIPPED)]
        return sum(map(len, own)) > trial.SMALL or any(_OWN_BLOCK.search(text) for text in own)

    def document(self) -> Document:
        made = self._document()
        if max(len(made.raw), len(made.once or ""), len(made.text)) > MAX_OUTPUT:
            words = f"has more than {MAX_OUTPUT // 1024 // 1024} MB once Markdown, blocks and styles are worked in"
            raise TemplateError.at(self.found.file, f"{words}: take something out of it")
        return made

    def _document(self) -> Document:
        body = self._body()
        if self.found.kind is Kind.MJML:
            whole = self._filled(self.layout.text, self.layout.file, body) if self.layout else body
            text = self._text(mjml.for_text(body))
            return self._of_mjml(whole, text)
        text = self._text(body)
        if self.layout is None:
            return self._of_html(body, text)
        whole = self._filled(self.layout.text, self.layout.file, body)
        return self._of_mjml(whole, text) if self.layout.kind is Kind.MJML else self._of_html(whole, text)

    def tags_in_order(self) -> list[list[Tag]]:
        body = self._body()
        whole = self._filled(self.layout.text, self.layout.file, body) if self.layout else body
        parts = [self._with_look(whole)]
        if self.layout and not self.layout.plain_file.startswith(source.SHIPPED):
            plain = plaintext.from_html(mjml.for_text(body) if self.found.kind is Kind.MJML else body, self.tags)
            parts.append(self._filled(self.layout.plain, self.layout.plain_file, plain))
        return [[self.tags.of(match) for match in self.tags.word.finditer(part)] for part in parts]

    def _body(self) -> str:
        body = self._swapped(self.found.body, self.found.file, self.found.kind)
        if self.found.kind is Kind.MARKDOWN:
            body = markdown.to_html(body, self.tags)
        return links.rewritten(self._with_blocks(body), self.tags, self.how)

    def _text(self, body: str) -> str:
        """Return the text part: the layout's frame around what the body says."""
        markup.check_elements(body, self.found.file)
        text = plaintext.from_html(body, self.tags)
        if self.layout is not None:
            text = self._filled(self.layout.plain, self.layout.plain_file, text)
        return self.tags.put_back(text)

    def _of_html(self, html: str, text: str) -> Document:
        html = self._whole(html)
        markup.check(html, self.tags, self.found.file)
        once = inline.inlined_once(html, self.tags)
        return Document(
            inline.finished(html, self.tags),
            None if once is None else inline.finished(once, self.tags),
            text,
            inline.inline_css,
            self.pictures,
        )

    def _of_mjml(self, whole: str, text: str) -> Document:
        whole = self._whole(_with_language(_with_title(whole, self.tags), self.tags))
        markup.check(whole, self.tags, self.found.file)
        mjml.tried(whole, self.tags, self.found.file)
        raw = inline.finished(whole, self.tags)
        if mjml.depends_on_person(whole, self.tags):
            return Document(raw, None, text, _from_mjml, self.pictures)
        html = mjml.to_html(whole)
        once = inline.inlined_once(html, self.tags)
        if once is None:
            return Document(inline.finished(html, self.tags), None, text, inline.inline_css, self.pictures)
        return Document(raw, inline.finished(once, self.tags), text, _from_mjml, self.pictures)

    def _whole(self, html: str) -> str:
        """Return a whole document with what every one gets: brand, preheader, the links of its layout, open pixel."""
        html = links.rewritten(self._with_preheader(self._with_look(html)), self.tags, self.how)
        html = self.pictures.placed(html, self.tags, widest=_WIDEST if self.found.kind is Kind.MARKDOWN else None)
        return links.with_pixel(html, self.tags, self.how)

    def _filled(self, layout: str, file: str, content: str) -> str:
        text = self._with_blocks(self._swapped(layout, file, source.kind_of(file)))
        places = [match for match in self.tags.word.finditer(text) if self.tags.of(match).inside == "content"]
        if len(places) != 1:
            raise TemplateError.at(file, "a layout needs {{ content }} exactly once: the template's body comes there")
        start, end = places[0].span()
        if source.kind_of(file) is Kind.MJML:
            mjml.check_place(text, start, file, is_mjml=self.found.kind is Kind.MJML)
        return f"{text[:start]}{content.rstrip()}{text[end:]}"

    def _swapped(self, text: str, file: str, kind: Kind) -> str:
        """Return a file's text with words for its tags and its includes put in."""
        self._size += len(text)
        if self._size > guard.MAX_SOURCE:
            raise TemplateError.at(file, f"a template has at most {guard.MAX_SOURCE // 1024} KB, with all it includes")
        try:
            HTML.parse(text, file, file)
            if kind is Kind.MJML:
                mjml.check(text, file)
            return self.tags.swap(HTML, text, file, lambda tag: self._included(tag, kind))
        except jinja2.TemplateSyntaxError as error:
            raise _unreadable(text, file, error) from None

    def _included(self, tag: Tag, into: Kind) -> str:
        path = self.files.localised(included(tag))
        if path in self._open or len(self._open) >= MAX_INCLUDES:
            raise TemplateError.at(tag.file, f"{path!r} is included inside itself, or too deep", tag.line)
        text = self.files.text(path, asked_by=tag.file, line=tag.line)
        kind = source.kind_of(path)
        if kind is Kind.MJML and into is not Kind.MJML:
            raise TemplateError.at(tag.file, f"{path!r} is MJML, which only an .mjml file can take in", tag.line)
        self._open.append(path)
        block = self._swapped(text, self.files.shown(path), kind).strip("\n")
        self._open.pop()
        if kind is Kind.MARKDOWN:
            return block if into is Kind.MARKDOWN else markdown.to_html(block, self.tags)
        return self.tags.add(Tag("html", block, tag.file, tag.line)) if into is Kind.MARKDOWN else block

    def _with_blocks(self, html: str) -> str:
        """Put blocks of HTML, which Markdown did not touch, where they were included."""

        def put(match: Any) -> str:
            tag = self.tags.of(match)
            return self._with_blocks(tag.inside) if tag.name == "html" else str(match[0])

        return self.tags.word.sub(put, self.tags.node.sub(put, html))

    def _with_look(self, html: str) -> str:
        """Write out the brand and the way of writing: they are nobody's own, and CSS with them is worked in once."""

        def value(match: re.Match[str]) -> str:
            tag = self.tags.of(match)
            named = _LOOK.match(tag.inside) if tag.is_value else None
            known = _looked_up(self.look, named[0].split(".")) if named else None
            return str(escape(known)) if isinstance(known, str | int) else match[0]

        return self.tags.word.sub(value, html)

    def _with_preheader(self, html: str) -> str:
        """Hide the preheader at the top of a page that does not name it, for the line that inboxes show."""
        if not self.found.front.preheader or any(
            self.tags.of(match).inside == "preheader" for match in self.tags.word.finditer(html)
        ):
            return html
        hidden = _PREHEADER % self.tags.add(Tag("=", "preheader", self.found.file, 1))
        if re.search(r"<mj-body\b[^<>]*>", html):
            hidden = f"<mj-raw>{hidden}</mj-raw>"
        # Some pages open a body for Outlook, in a comment, and another for all others; some none.
        made, bodies = _OPENING_BODY.subn(lambda match: match[0] + hidden, html)
        if bodies:
            return made
        found = next(filter(None, (pattern.search(html) for pattern in _BEFORE_BODY)), None)
        place = found.end() if found else 0
        return f"{html[:place]}{hidden}{html[place:]}"


def _looked_up(values: Mapping[str, Any], path: list[str]) -> Any:
    """Return the value at a path of names, None where it leads nowhere."""
    found: Any = values
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _unreadable(text: str, file: str, error: jinja2.TemplateSyntaxError) -> TemplateError:
    """Return why a file cannot be read: tags of another tool, all at once, else what Jinja says."""
    tags = foreign.unreadable(text, error.lineno)
    problems = [Problem(file, tag.sentence(), text.count("\n", 0, tag.start) + 1) for tag in tags]
    return TemplateError(problems) if problems else TemplateError.at(file, sentence(error), error.lineno)


def _with_title(whole: str, tags: Tags) -> str:
    """Give MJML that has no title the subject for one."""
    if "<mj-title" in whole:
        return whole
    title = f"<mj-title>{tags.add(Tag('=', 'subject', '', 0))}</mj-title>"
    if re.search(r"<mj-head\b[^<>]*(?<!/)>", whole):
        return re.sub(r"<mj-head\b[^<>]*>", lambda match: match[0] + title, whole, count=1)
    head = f"<mj-head>{title}</mj-head>"
    return re.sub(r"<mjml\b[^<>]*>", lambda match: match[0] + head, re.sub(r"<mj-head\b[^<>]*/>", "", whole), count=1)


def _with_language(whole: str, tags: Tags) -> str:
    """Say the language of MJML that does not."""
    if re.search(r"<mjml\b[^<>]*\slang\s*=", whole):
        return whole
    word = tags.add(Tag("=", "language", "", 0))
    return re.sub(r"<mjml\b", f'<mjml lang="{word}"', whole, count=1)
