"""From a template's name to a template that renders, in all its languages.

Files: source.py. How they become one source: build.py. What renders: compiled.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import jinja2

from mailflow.config.tracking import Images
from mailflow.config.yaml_files import suggestion
from mailflow.templates import attachments, build, foreign, source
from mailflow.templates.compiled import CompiledTemplate, Field
from mailflow.templates.environment import HTML, TEXT, MailEnvironment, text_of
from mailflow.templates.languages import primary
from mailflow.templates.linking import How
from mailflow.templates.mistakes import sentence
from mailflow.templates.parts import TemplateError
from mailflow.templates.translations import of_files

if TYPE_CHECKING:
    from pathlib import Path

# What templates may ask for, where a context does not say it.
_UNSAID: Mapping[str, Any] = MappingProxyType(
    {"unsubscribe_url": None, "view_url": None, "articles": [], "never_show": []}
)


def compile_template(folder: Path, name: str, how: How = How()) -> CompiledTemplate:
    """Read and compile the template `name` of `folder` in all its languages.

    `how` is what becomes of its links. `TemplateError` lists what is wrong with it.
    """
    files = source.Files(folder)
    found = source.read_source(files, name)
    files.language = found.front.language
    base = _compiled_of(files, found, name, how)
    asked, known = set(files.asked), dict[str, CompiledTemplate]()
    while missing := of_files(folder, asked) - known.keys():
        for tag in sorted(missing):
            files = source.Files(folder, tag)
            found = source.read_source(files, name)
            written_in = found.front.language
            if written_in and primary(written_in) != primary(tag):
                known[tag] = base  # a block is translated, the message around it is not
                continue
            known[tag] = _compiled_of(files, _in_language(found, tag), name, how)
            asked |= files.asked
    if not known:
        return base
    texts = {file: text for each in (base, *known.values()) for file, text in each.files.items()}
    others = {tag: each for tag, each in known.items() if each is not base}
    return replace(base, files=dict(sorted(texts.items())), translations=others)


def _in_language(found: source.Source, tag: str) -> source.Source:
    front = found.front.model_copy(update={"language": found.front.language or tag})
    return replace(found, front=front)


def _compiled_of(files: source.Files, found: source.Source, name: str, how: How) -> CompiledTemplate:
    """Compile a template in one language."""
    _check_topic(found, how)
    fields = _compiled_fields(found)
    layout = None if found.is_document else files.layout(found)
    if found.front.images is not None:
        how = replace(how, embed=found.front.images is Images.EMBED)
    document = build.document(files, found, layout, how)
    attached = attachments.read(found.front.attachments, found.document, files.folder.parent, how)
    raw = _compiled(HTML, document.raw, found.file)
    once = _compiled(HTML, document.once, found.file) if document.once is not None else None
    return CompiledTemplate(
        name=name,
        file=found.file,
        front=found.front,
        files=dict(sorted({**files.read, **document.pictures.hashes, **attached.hashes}.items())),
        _places=found.document,
        _loader=files,
        _body=found.body,
        _layout=layout,
        _fields=fields,
        html_source=document.once or document.raw,
        text_source=document.text,
        _html=once or raw,
        _text=_compiled(TEXT, document.text, found.file),
        _raw=raw if once else None,
        _finish=document.finish,
        _finish_each=once is None,
        _pictures=document.pictures.files,
        _attached=attached,
        _shared={**_UNSAID, **build.look(files, found, how), "total": None, **found.front.shown()},
    )


def _check_topic(found: source.Source, how: How) -> None:
    topic = found.front.topic
    if topic and how.topics and topic not in how.topics:
        words = f"there is no topic {topic!r} under topics: in mailflow.yaml{suggestion(topic, how.topics)}"
        raise TemplateError([found.document.problem(("topic",), words)])


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
            tags = [tag.sentence() for tag in foreign.unreadable(text, error.lineno)] or [sentence(error)]
            raise TemplateError([found.document.problem((key,), words) for words in tags]) from None
        fields[name] = partial(text_of, template)
    return fields


def _constant(text: str, values: dict[str, Any]) -> str:
    return text


def _compiled(environment: MailEnvironment, text: str, file: str) -> jinja2.Template:
    try:
        return environment.from_string(text)
    except (jinja2.TemplateSyntaxError, SyntaxError, RecursionError, MemoryError) as error:
        raise TemplateError.at(file, f"cannot be compiled: {sentence(error)}") from None
