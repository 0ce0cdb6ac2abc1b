"""What can be told of a template without anybody to send it to: what it asks for, and what it links to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mailflow.jobs.doctor.examined import Examined
from mailflow.jobs.lint import polls
from mailflow.outbox import context
from mailflow.store.field_usage import ATTRIBUTE
from mailflow.templates.lint import fields
from mailflow.templates.lint.checks import Found
from mailflow.templates.lint.places import Place
from mailflow.templates.source import SHIPPED

if TYPE_CHECKING:
    from mailflow.templates.compiled import CompiledTemplate

_FRONT = ("subject", "preheader")


class Sources:
    """Checks the sources of templates against what one workspace knows of people."""

    def __init__(self, examined: Examined) -> None:
        settings = examined.settings
        assert settings is not None
        self._examined = examined
        self._sample: Mapping[str, Any] = context.sample_context(settings, examined.now)
        self._sensitive = {name for name, field in settings.fields.items() if field.sensitive}
        self._known = {*self._sample["contact"], *settings.fields}

    def of_front(self, template: CompiledTemplate) -> Iterator[tuple[Found, Place | None]]:
        """Yield the faults of its front matter; a place of None is that of the fault's key."""
        front = {key: str(getattr(template.front, key) or "") for key in _FRONT}
        for found in fields.sensitive(front, self._sensitive):
            yield found, None

    def check(self, template: CompiledTemplate) -> Iterator[tuple[Found, Place]]:
        """Yield the faults of a template's sources, those of its translations among them."""
        files = own_files(template)
        yield from fields.unknown_names(files, self._sample)
        yield from fields.of_others(files)
        yield from fields.sheets_left_out(files)
        if self._examined.polls is not None:
            yield from polls.unknown(files, self._examined.polls)
        asked = fields.asked_of_person(files)
        known = self._known_fields(asked)
        for each in asked:
            if (missing := fields.unknown(each, known)) is not None:
                yield missing, each.place

    def _known_fields(self, asked: Collection[fields.Asked]) -> Collection[str]:
        """Return the names of fields; all contacts are read only where somebody asks for one that is not declared."""
        if all(fields.unknown(each, self._known) is None for each in asked):
            return self._known
        filled = self._examined.usage.filled
        return {*self._known, *(name.removeprefix(ATTRIBUTE) for name in filled if name.startswith(ATTRIBUTE))}


def own_files(template: CompiledTemplate, without: Collection[str] = ()) -> dict[str, str]:
    """Return the files of a template that are the workspace's own: no brand file, and none of those in `without`."""
    return {
        path: text
        for path, text in template.files.items()
        if not path.startswith(SHIPPED) and path.endswith((".md", ".html", ".mjml", ".txt")) and path not in without
    }


def other_versions(template: CompiledTemplate, version: CompiledTemplate) -> set[str]:
    """Return the files that a template is written in in other languages than one of its versions."""
    return {each.file for each in (template, *template.translations.values())} - {version.file}


def shown_fields(files: Mapping[str, str]) -> dict[str, Place]:
    """Return the plain fields of a person that the files of a template read, each with the first place."""
    found: dict[str, Place] = {}
    for each in fields.asked_of_person(files):
        if each.name.partition(".")[0] not in ("segments", "traits", "impact", "orders", "key", "email"):
            found.setdefault(each.name, each.place)
    return found
