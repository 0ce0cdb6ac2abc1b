"""From template files to something that renders a message per person: compiled once, then a fraction of a millisecond.

Files: source.py. Tags out and in: tags.py. Markdown: markdown.py. CSS: inline.py. Text part: plaintext.py. The bytes:
compose.py.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import escape

from mailflow.config.yaml_files import Document
from mailflow.errors import Problem
from mailflow.model import MessageClass, MessageKind
from mailflow.templates import inline, markdown, plaintext, source
from mailflow.templates.environment import HTML, TEXT, MailEnvironment, run
from mailflow.templates.filters import LinkError
from mailflow.templates.headers import TEXT_LIMIT
from mailflow.templates.parts import Rendered, TemplateError
from mailflow.templates.tags import Tag, Tags, included
from mailflow.templates.words import footer_words

if TYPE_CHECKING:
    from pathlib import Path

MAX_INCLUDES = 5  # of includes inside includes
CLIPPED_BYTES = 102_000  # Gmail shows no more of a message, and hides the footer with the rest

# What rendering plain data with checked templates can still raise: a wrong type or value where the template uses it.
RENDER_ERRORS = (
    jinja2.TemplateError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RecursionError,
)

Field = Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True, slots=True)
class _Document:
    """The whole message before Jinja compiles it: sources in its language, `once` with the CSS already inside."""

    html: str
    once: str | None
    text: str


@dataclass(slots=True)
class CompiledTemplate:
    """One template, ready to render. `files` maps the path of every file it is made of to its text."""

    name: str
    file: str
    front: source.FrontMatter
    files: Mapping[str, str]
    _places: Document
    _loader: source.Files
    _body: str
    _layout: tuple[str, str] | None  # file and text, where there is one
    _fields: Mapping[str, Field]
    html_source: str  # what Jinja compiled, once all was put together; for tests and benchmarks
    text_source: str
    _html: jinja2.Template
    _text: jinja2.Template
    _raw: jinja2.Template | None  # the HTML with its CSS not inlined, until the first render has shown that it may be
    _inline_each: bool
    hash: str = field(init=False)

    def __post_init__(self) -> None:
        self.hash = hashlib.sha256(json.dumps(sorted(self.files.items())).encode("utf-8")).hexdigest()

    @property
    def message_class(self) -> MessageClass:
        return self.front.class_

    @property
    def kind(self) -> MessageKind:
        return self.front.kind

    @property
    def topic(self) -> str | None:
        return self.front.topic

    @property
    def inlines_once(self) -> bool:
        """Whether the CSS was worked in when compiling, and not per message."""
        return not self._inline_each

    def mentions(self, word: str) -> bool:
        """Whether any file of it speaks of a name such as `segments`, which is only looked up where it is needed."""
        return any(re.search(rf"\b{re.escape(word)}\b", text) for text in self.files.values())

    def render(self, context: Mapping[str, Any]) -> Rendered:
        """Return the message of one person; `context` as templates/context.py describes it.

        `TemplateError` says which name is missing or empty, for whom, in which file and line, and what to write.
        """
        values = self._values(context)
        values["preheader"] = self._field("preheader", values).strip()
        values["subject"] = subject = " ".join(self._field("subject", values).split())
        if not subject or len(subject) > TEXT_LIMIT:
            words = (
                "is empty" if not subject else f"has {len(subject)} characters, at most {TEXT_LIMIT} go into a header"
            )
            raise self._error(values, f"the subject {words}", "subject")
        from_name = self._field("from_name", values).strip() or None
        html, text = self._parts(values)
        self._check_footer(html, text, values)
        if self._inline_each:
            html = inline.inline_css(html)
        return Rendered(
            subject, values["preheader"], html, text, from_name, self.front.reply_to, _warnings(self.file, html, values)
        )

    def _values(self, context: Mapping[str, Any]) -> dict[str, Any]:
        contact, shop = context.get("contact") or {}, context.get("shop") or {}
        language = self.front.language or contact.get("language") or shop.get("language") or "en"
        return {
            "unsubscribe_url": None,
            "recommendations": [],
            **context,
            "language": language,
            "words": footer_words(language),
        }

    def _field(self, name: str, values: Mapping[str, Any]) -> str:
        render = self._fields.get(name)
        if render is None:
            return ""
        try:
            return render(values)
        except RENDER_ERRORS as error:
            raise self._error(values, str(error), name) from None

    def _parts(self, values: Mapping[str, Any]) -> tuple[str, str]:
        try:
            html, text = run(self._html, values), run(self._text, values)
            if self._raw is not None:
                html = self._verified(html, values)
        except RENDER_ERRORS as error:
            raise self._explained(error, values) from None
        return html, plaintext.tidy(text)

    def _verified(self, html: str, values: Mapping[str, Any]) -> str:
        """Compare, for the first person, inlining before rendering with inlining after it, which is always right."""
        raw, self._raw = self._raw, None
        assert raw is not None
        rendered = run(raw, values)
        if inline.same(inline.inline_css(rendered), inline.inline_css(html)):
            return html
        self._html, self._inline_each = raw, True
        return rendered

    def _explained(self, error: Exception, values: Mapping[str, Any]) -> TemplateError:
        """Return an error with its place: render the files as they were written, where lines are lines."""
        if isinstance(error, LinkError):
            return TemplateError([source.problem(_sentence(error), *error.place, values)])
        environment = MailEnvironment(is_html=True, loader=self._loader)
        files = [(self.file, self._body), *([self._layout] if self._layout else [])]
        for file, text in files:
            try:
                run(environment.from_string(text), {**values, "content": ""})
            except RENDER_ERRORS as found:
                place = _place(found, file)
                return TemplateError([source.problem(_sentence(found), *place, values)])
        return TemplateError([source.problem(_sentence(error), self.file, None, values)])

    def _error(self, values: Mapping[str, Any], message: str, name: str) -> TemplateError:
        key = "from" if name == "from_name" else name
        place = self._places.problem((key,), message)
        return TemplateError(
            [Problem(place.file, source.problem(message, "", None, values).message, place.line, place.column)]
        )

    def _check_footer(self, html: str, text: str, values: Mapping[str, Any]) -> None:
        """Refuse marketing mail without the postal address or the way out, in either part."""
        if self.front.class_ is not MessageClass.MARKETING:
            return
        where = self._layout[0] if self._layout else self.file
        address = str((values.get("shop") or {}).get("address") or "").splitlines()
        if not all(line.strip() in text and str(escape(line.strip())) in html for line in address):
            raise TemplateError.at(
                where, "the postal address is missing from the HTML or the text: put {{ shop.address }} there"
            )
        link = values["unsubscribe_url"]
        if link and not (link in text and str(escape(link)) in html):
            message = (
                'a visible way to unsubscribe is missing: put <a href="{{ unsubscribe_url }}">Unsubscribe</a> there'
            )
            raise TemplateError.at(where, message)


def compile_template(folder: Path, name: str) -> CompiledTemplate:
    """Read and compile the template `name` of `folder`; `TemplateError` lists what is wrong with it."""
    files = source.Files(folder)
    found = source.read_source(files, name)
    fields = _compiled_fields(found)
    layout = None
    if not _is_document(found):
        layout = files.layout(found.front.layout, asked_by=found.document)
    document = _Builder(files, found, layout).document()
    raw = _compiled(HTML, document.html, found.file)
    once = _compiled(HTML, document.once, found.file) if document.once is not None else None
    return CompiledTemplate(
        name=name,
        file=found.file,
        front=found.front,
        files=dict(sorted(files.read.items())),
        _places=found.document,
        _loader=files,
        _body=found.body,
        _layout=(layout[0], layout[1]) if layout else None,
        _fields=fields,
        html_source=document.once or document.html,
        text_source=document.text,
        _html=once or raw,
        _text=_compiled(TEXT, document.text, found.file),
        _raw=raw if once else None,
        _inline_each=once is None,
    )


def _is_document(found: source.Source) -> bool:
    """Whether a template is a whole HTML document, which takes no layout."""
    return not found.is_markdown and "<html" in found.body.lower()


def _compiled_fields(found: source.Source) -> dict[str, Field]:
    """Return what renders subject, preheader and from; text without tags needs no Jinja."""
    fields: dict[str, Field] = {}
    for name, key in (("subject", "subject"), ("preheader", "preheader"), ("from_name", "from")):
        text = getattr(found.front, name)
        if not text:
            continue
        if "{" not in text:
            fields[name] = partial(_constant, text)
            continue
        try:
            template = TEXT.from_string(text)
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError([found.document.problem((key,), _sentence(error))]) from None
        fields[name] = partial(run, template)
    return fields


def _constant(text: str, values: Mapping[str, Any]) -> str:
    return text


def _compiled(environment: MailEnvironment, text: str, file: str) -> jinja2.Template:
    try:
        return environment.from_string(text)
    except (jinja2.TemplateSyntaxError, SyntaxError, RecursionError, MemoryError) as error:
        raise TemplateError.at(file, f"cannot be compiled: {_sentence(error)}") from None


class _Builder:
    """Puts body, includes and layout together, with words for tags, and makes the sources of all parts of it."""

    def __init__(self, files: source.Files, found: source.Source, layout: tuple[str, str, str] | None) -> None:
        self.files = files
        self.found = found
        self.layout = layout
        self.tags = Tags(found.body + "".join(layout or ()))
        self._open: list[str] = []

    def document(self) -> _Document:
        body = self._swapped(self.found.body, self.found.file, is_markdown=self.found.is_markdown)
        if self.found.is_markdown:
            body = markdown.to_html(body, self.tags)
        body = self._with_blocks(body)
        if self.layout is None:
            html, text = body, plaintext.from_html(body, self.tags)
        else:
            file, layout_html, layout_text = self.layout
            html = self._filled(layout_html, file, body)
            text = self._filled(layout_text, f"{file.removesuffix('.html')}.txt", plaintext.from_html(body, self.tags))
        inline.check_markup(html, self.tags, self.found.file)
        once = inline.inlined_once(html, self.tags)
        return _Document(
            inline.finished(html, self.tags),
            None if once is None else inline.finished(once, self.tags),
            self.tags.put_back(text),
        )

    def _filled(self, layout: str, file: str, content: str) -> str:
        text = self._swapped(layout, file, is_markdown=False)
        places = [match for match in self.tags.word.finditer(text) if self.tags.of(match).inside == "content"]
        if len(places) != 1:
            raise TemplateError.at(file, "a layout needs {{ content }} exactly once: the template's body comes there")
        start, end = places[0].span()
        return f"{text[:start]}{content.rstrip()}{text[end:]}"

    def _swapped(self, text: str, file: str, *, is_markdown: bool) -> str:
        """Return a file's text with words for its tags and its includes put in."""
        try:
            HTML.parse(text, file, file)
            return self.tags.swap(HTML, text, file, lambda tag: self._included(tag, is_markdown=is_markdown))
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError.at(file, _sentence(error), error.lineno) from None

    def _included(self, tag: Tag, *, is_markdown: bool) -> str:
        path = included(tag)
        if path in self._open or len(self._open) >= MAX_INCLUDES:
            raise TemplateError.at(tag.file, f"{path!r} is included inside itself, or too deep", tag.line)
        text = self.files.text(path, asked_by=tag.file, line=tag.line)
        self._open.append(path)
        block = self._swapped(text, self.files.shown(path), is_markdown=path.endswith(".md")).strip("\n")
        self._open.pop()
        if path.endswith(".md"):
            return block if is_markdown else markdown.to_html(block, self.tags)
        return self.tags.add(Tag("html", block, tag.file, tag.line)) if is_markdown else block

    def _with_blocks(self, html: str) -> str:
        """Put blocks of HTML, which Markdown did not touch, where they were included."""

        def put(match: Any) -> str:
            tag = self.tags.of(match)
            return self._with_blocks(tag.inside) if tag.name == "html" else str(match[0])

        return self.tags.word.sub(put, self.tags.node.sub(put, html))


def _place(error: BaseException, file: str) -> tuple[str, int | None]:
    """Return the file and line of the innermost template that an error came through."""
    place: tuple[str, int | None] = (file, None)
    trace = error.__traceback__
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if template is not None:
            shown = template.filename if template.name else file
            place = (shown or file, template.get_corresponding_lineno(trace.tb_lineno))
        trace = trace.tb_next
    return place


def _sentence(error: BaseException) -> str:
    """Return an exception's words as the end of a sentence that begins with a place."""
    return str(getattr(error, "message", None) or error).rstrip(".") or type(error).__name__


def _warnings(file: str, html: str, values: Mapping[str, Any]) -> tuple[Problem, ...]:
    if len(html) < CLIPPED_BYTES // 4 or len(html.encode("utf-8", "replace")) < CLIPPED_BYTES:
        return ()
    return (
        source.problem("the HTML is over 102 KB: Gmail cuts it off there, and hides the footer", file, None, values),
    )
