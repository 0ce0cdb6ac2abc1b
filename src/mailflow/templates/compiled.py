"""A template that renders a message per person: compiled once (compile.py), then a fraction of a millisecond.

The bytes: compose.py.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import unescape
from typing import Any

import jinja2
from markupsafe import escape

from mailflow.config.yaml_files import Document
from mailflow.errors import Problem
from mailflow.model import MessageClass, MessageKind
from mailflow.templates import build, inline, plaintext, source
from mailflow.templates.attachments import Attachments
from mailflow.templates.definitions import explained
from mailflow.templates.environment import MailEnvironment, pieces, run
from mailflow.templates.escaping import PlaceError
from mailflow.templates.front import FrontMatter
from mailflow.templates.headers import TEXT_LIMIT, safe_header
from mailflow.templates.languages import chain
from mailflow.templates.mistakes import sentence
from mailflow.templates.parts import File, FooterError, Lacking, Rendered, TemplateError
from mailflow.templates.quoted import Encoded, Pieces
from mailflow.templates.reasons import with_reasons
from mailflow.templates.tags import Tag
from mailflow.templates.words import layout_words

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

Field = Callable[[dict[str, Any]], str]  # of values in which it may note things
_Said = tuple[Sequence[str], Sequence[str]]

_FOOTER_TAG = "{% for line in shop.footer %}{{ line }}{% endfor %}"


@dataclass(slots=True)
class CompiledTemplate:
    """One template, ready to render. `files` maps the path of every file it is made of to its text.

    `translations` are the same message in other languages, by tag (`de`, `de-at`); their files are among `files`.
    """

    name: str
    file: str
    front: FrontMatter
    files: Mapping[str, str]
    _places: Document
    _loader: source.Files
    _body: str
    _layout: source.Layout | None
    _fields: Mapping[str, Field]
    html_source: str  # what Jinja compiled, once all was put together; for tests and benchmarks
    text_source: str
    _html: jinja2.Template
    _text: jinja2.Template
    _raw: jinja2.Template | None  # with MJML and CSS not worked in, until the first render has shown that they may be
    _finish: Callable[[str], str]  # works them in, for `_raw` and where that is done per message
    _finish_each: bool
    _pictures: tuple[File, ...]
    _attached: Attachments
    _shared: Mapping[str, Any]  # what everybody gets: the brand, and what stands in the front matter
    translations: Mapping[str, CompiledTemplate] = field(default_factory=dict)
    hash: str = field(init=False)
    _mentioned: dict[str, bool] = field(init=False, default_factory=dict)
    _pieces: Pieces = field(init=False)
    own_words: frozenset[str] = field(init=False)  # pieces of `Rendered` that are the template's own, nobody's data

    def __post_init__(self) -> None:
        self._pieces = Pieces(self._html.root_render_func.__code__, self._text.root_render_func.__code__)
        self.own_words = frozenset(self._pieces)
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
        return not self._finish_each

    @property
    def source(self) -> source.Source:
        """The file it is made of, as it was read."""
        return source.Source(self.file, self.front, self._places, self._body, source.kind_of(self.file))

    def tags(self) -> list[list[Tag]]:
        """Return its tags in order, as `build.tags` does."""
        return build.tags(self._loader, self.source, self._layout)

    def problem(self, key: str, message: str) -> Problem:
        """Return a problem placed at one of the keys of the front matter."""
        return self._places.problem((key,), message)

    def mentions(self, word: str) -> bool:
        """Whether any file of it speaks of a name such as `segments`, which is only looked up where it is needed."""
        known = self._mentioned.get(word)
        if known is None:  # asked of every message, and the files of a template are tens of KB
            pattern = re.compile(rf"\b{re.escape(word)}\b")
            known = self._mentioned[word] = any(map(pattern.search, self.files.values()))
        return known

    def for_reader(self, context: Mapping[str, Any]) -> CompiledTemplate:
        """Return the translation that is nearest to somebody's language, else the shop's, else the template itself."""
        if not self.translations:
            return self
        contact, shop = context.get("contact") or {}, context.get("shop") or {}
        tags = chain(contact.get("language") or shop.get("language"))
        return next((self.translations[tag] for tag in tags if tag in self.translations), self)

    def render(self, context: Mapping[str, Any]) -> Rendered:
        """Return the message of one person in their language; `context` as templates/context.py describes it.

        `TemplateError` says which name is missing or empty, for whom, in which file and line, and what to write.
        """
        chosen = self.for_reader(context)
        if chosen is not self:
            return chosen.render(context)
        values = self.values(context)
        subject = values["subject"]
        if not subject or len(subject) > TEXT_LIMIT or not (subject.isprintable() or safe_header(subject)):
            words = (
                f"has {len(subject)} characters, at most {TEXT_LIMIT} go into a header"
                if len(subject) > TEXT_LIMIT
                else "is empty"
            )
            raise self._error(values, f"the subject {words}", "subject")
        from_name = self._field("from_name", values).strip() or None
        html, text, encoded, said = self._parts(values)
        rendered = Rendered(
            subject,
            values["preheader"],
            html,
            text,
            from_name,
            self.front.reply_to,
            (*_warnings(self.file, html, values), *self._attached.warnings()),
            encoded,
            said,
            (*self._pictures, *self._attached.files),
            self._attached.events(values),
        )
        if lacking := self._footer_lacks(html, text, values):
            raise FooterError(lacking, rendered)
        return rendered

    def values(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Return all that the parts of one person's message know: the context, what everybody gets, and its head."""
        values = self._values(context)
        values["preheader"] = self._field("preheader", values).strip()
        values["subject"] = " ".join(self._field("subject", values).split())
        return values

    def language_for(self, context: Mapping[str, Any]) -> str:
        """Return the language that this text, one of those of a message, is in for a reader."""
        contact, shop = context.get("contact") or {}, context.get("shop") or {}
        reads = None if self.translations else contact.get("language")  # a text of several is in its own language
        return self.front.language or reads or shop.get("language") or "en"

    def _values(self, context: Mapping[str, Any]) -> dict[str, Any]:
        language = self.language_for(context)
        values = {**self._shared, **context}
        values["items"] = _allowed(values["items"], values["never_show"] or ())
        values["recommendations"] = with_reasons(context.get("recommendations") or (), language)
        values["language"] = language
        values["words"] = layout_words(language, is_essential=self.front.class_ is MessageClass.ESSENTIAL)
        return values

    def _field(self, name: str, values: dict[str, Any]) -> str:
        render = self._fields.get(name)
        if render is None:
            return ""
        try:
            return render(values)
        except RENDER_ERRORS as error:
            said = explained(sentence(error), str(getattr(self.front, name)), None)
            raise self._error(values, said, name) from None

    def _parts(self, values: dict[str, Any]) -> tuple[str, str, tuple[Encoded, ...], _Said | None]:
        try:
            html_pieces, html = pieces(self._html, values)
            text_pieces, text = pieces(self._text, values)
            rendered = html
            if (raw := self._raw) is not None:
                html = self._verified(html, raw, values)
            elif self._finish_each:
                html = self._finish(html)
        except RENDER_ERRORS as error:
            raise self._explained(error, values) from None
        encoded = []
        if html is rendered:
            encoded.append(self._pieces.encoded(html_pieces, html))
        tidy = plaintext.tidy(text)
        if tidy == text:
            encoded.append(self._pieces.encoded(text_pieces, tidy))
        return html, tidy, tuple(encoded), (html_pieces, text_pieces) if html is rendered else None

    def _verified(self, html: str, raw: jinja2.Template, values: Mapping[str, Any]) -> str:
        """Compare, for the first person, inlining before rendering with inlining after it, which is always right."""
        finished = self._finish(run(raw, values))
        is_same = inline.same(finished, inline.inline_css(html))
        self._raw = None  # only now: what could not be compared is compared again
        if is_same:
            return html
        self._html, self._finish_each = raw, True
        return finished

    def _explained(self, error: Exception, values: Mapping[str, Any]) -> TemplateError:
        """Return an error with its place: render the files as they were written, where lines are lines."""
        if isinstance(error, PlaceError):
            return TemplateError([source.problem(sentence(error), *error.place, values)])
        environment = MailEnvironment(is_html=True, loader=self._loader)
        files = [(self.file, self._body), *([(self._layout.file, self._layout.text)] if self._layout else [])]
        for file, text in files:
            try:
                run(environment.from_string(text), {**values, "content": ""})
            except RENDER_ERRORS as found:
                place = _place(found, file)
                said = explained(sentence(found), self.files.get(place[0], text), place[1])
                return TemplateError([source.problem(said, *place, values)])
        return TemplateError([source.problem(sentence(error), self.file, None, values)])

    def _error(self, values: Mapping[str, Any], message: str, name: str) -> TemplateError:
        key = "from" if name == "from_name" else name
        place = self._places.problem((key,), message)
        return TemplateError(
            [Problem(place.file, source.problem(message, "", None, values).message, place.line, place.column)]
        )

    def _footer_lacks(self, html: str, text: str, values: Mapping[str, Any]) -> list[tuple[Lacking, Problem]]:
        """Return what marketing mail lacks of the postal address and the way out, in either part."""
        lacking: list[tuple[Lacking, Problem]] = []
        if self.front.class_ is not MessageClass.MARKETING:
            return lacking
        shop = values.get("shop") or {}
        address, footer, link = shop.get("address"), shop.get("footer"), values["unsubscribe_url"]
        if address and _is_missing(address, html, text):
            words = "the postal address is missing from the HTML or the text: put {{ shop.address }} there"
            lacking.append((Lacking.ADDRESS, Problem(self._frame(), words)))
        if footer and _is_missing("\n".join(footer), html, text):
            words = f"the footer of their country is missing from the HTML or the text: put {_FOOTER_TAG} there"
            lacking.append((Lacking.ADDRESS, Problem(self._frame(), words)))
        if link and (text.rfind(link) < 0 or (html.rfind(link) < 0 and not _holds(html, link, str(escape(link))))):
            words = 'a visible way to unsubscribe is missing: put <a href="{{ unsubscribe_url }}">Unsubscribe</a> there'
            lacking.append((Lacking.WAY_OUT, Problem(self._frame(), words)))
        return lacking

    def _frame(self) -> str:
        """Return the file that a footer stands in."""
        return self._layout.file if self._layout else self.file


def _is_missing(said: str, html: str, text: str) -> bool:
    """Whether either part lacks a line of a footer; looked for from the end, which is where a footer is."""
    return bool([line for line, escaped in _lines(said) if text.rfind(line) < 0 or not _holds(html, line, escaped)])


def _holds(html: str, words: str, escaped: str) -> bool:
    """Whether HTML says these words: as we escape them, or as what works styles in for each person writes them."""
    return html.rfind(escaped) >= 0 or words in unescape(html)


@lru_cache(maxsize=16)
def _lines(address: str) -> tuple[tuple[str, str], ...]:
    """Return the lines of a postal address, each as it is and as HTML has it."""
    return tuple((line.strip(), str(escape(line.strip()))) for line in str(address).splitlines())


def _allowed(items: Sequence[Mapping[str, Any]], unseen: Collection[str]) -> Sequence[Mapping[str, Any]]:
    """Return the products of the front matter without those that somebody must never see, by title or address."""
    if not unseen:
        return items
    names = {name.casefold() for name in unseen}
    return [item for item in items if names.isdisjoint(str(item.get(key)).casefold() for key in ("title", "url"))]


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


def _warnings(file: str, html: str, values: Mapping[str, Any]) -> tuple[Problem, ...]:
    if len(html) < CLIPPED_BYTES // 4 or len(html.encode("utf-8", "replace")) < CLIPPED_BYTES:
        return ()
    return (
        source.problem("the HTML is over 102 KB: Gmail cuts it off there, and hides the footer", file, None, values),
    )
