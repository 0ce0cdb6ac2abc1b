"""What the doctor looks at: each part of a workspace opened once, with what is wrong in it kept aside."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mailflow import clock, templates
from mailflow.campaigns import spec
from mailflow.config import Settings
from mailflow.config.polls import Polls
from mailflow.config.yaml_files import read_yaml
from mailflow.errors import MailflowError, Problem, ProblemsError
from mailflow.importers.recognition import layouts
from mailflow.jobs.campaign import OpenCampaign
from mailflow.jobs.doctor import fields
from mailflow.jobs.doctor.fields import FieldReport, Gathered, Reader
from mailflow.jobs.doctor.misfit import Misfit
from mailflow.offers import pool
from mailflow.offers.offer import Offers
from mailflow.outbox import days
from mailflow.outbox.render import how_of
from mailflow.places import listed
from mailflow.rules import Rule, RuleError
from mailflow.rules.types import TRAITS
from mailflow.segments import Segments, choices, impact
from mailflow.segments import segments as segments_module
from mailflow.store import Connection, Store, field_usage, imports, misfits, rule_names
from mailflow.store.database import explain
from mailflow.store.field_usage import FieldUsage
from mailflow.templates import source
from mailflow.workspace import PRIVATE_FOLDER, Workspace

if TYPE_CHECKING:
    from mailflow.campaigns.spec import CampaignFile
    from mailflow.templates.compiled import CompiledTemplate

_Part = TypeVar("_Part")
Advance = Callable[[int], object]


class Examined:
    """One workspace under examination. What cannot be read is empty here, and a problem in `problems`."""

    def __init__(
        self, workspace: Workspace, now: datetime, progress: Callable[[str, int], AbstractContextManager[Advance]]
    ) -> None:
        self.workspace = workspace
        self.now = now
        self.progress = progress
        self.is_damaged = False  # the database cannot be read to its end
        self.store_trouble: str | None = None
        self._problems: dict[Problem, None] = {}
        self._by_name: defaultdict[str, list[Problem]] = defaultdict(list)
        self._compiled: templates.Compiled = {}

    @property
    def problems(self) -> list[Problem]:
        """Everything that is wrong in the files that a person edits, each once."""
        for part in ("settings", "rules", "templates", "audiences", "tables", "places", "offers", "polls", "personal"):
            getattr(self, part)  # opening it keeps what is wrong with it
        return list(self._problems)

    def problems_of(self, name: str) -> list[Problem]:
        """Return what is wrong with the template or campaign of a name, and with the files that it is made from."""
        return self._by_name[name] if self.problems else []

    @cached_property
    def settings(self) -> Settings | None:
        return self._tried(lambda: self.workspace.settings)

    @cached_property
    def segments(self) -> Segments | None:
        root, settings = self.workspace.root, self.settings
        if settings is not None:
            return self._tried(lambda: Segments.open(root, settings, self._names))
        if (root / segments_module.SEGMENTS_FILE).exists():  # without settings, what can be told of it
            self._tried(lambda: read_yaml(root / segments_module.SEGMENTS_FILE))
        return None

    @cached_property
    def rules(self) -> Mapping[str, Rule]:
        """The rules of segments.yaml that can be read, by name."""
        if self.segments is None or self.settings is None:
            return {}
        self._keep(segments_module.problems(self.workspace.root, self.settings, self._names))
        found = {}
        for name, text in self.segments.rules.items():
            try:
                found[name] = self.segments.parse(text)
            except RuleError:
                continue  # one of `problems`
        return found

    @cached_property
    def traits(self) -> Mapping[str, Rule]:
        """The traits of traits.yaml that can be read, by name."""
        known, found = self.segments, {}
        if known is None:
            return {}
        for name in known.traits:
            try:
                found[name] = known.parse(f"{TRAITS}{name}")
            except RuleError:
                continue  # one of `problems`
        return found

    @cached_property
    def templates(self) -> Mapping[str, CompiledTemplate]:
        """The templates that can be compiled, by name."""
        folder = self.workspace.templates
        hows = {name: how_of(self.settings, name) if self.settings else None for name in source.names(folder)}
        tried = {
            name: self._tried(partial(templates.load, folder, name, how, unreviewed=True, known=self._compiled), name)
            for name, how in hows.items()
        }
        return {name: template for name, template in tried.items() if template is not None}

    @cached_property
    def offers(self) -> Offers | None:
        """What offers.yaml says, after a look into its files of codes and at the campaigns that carry one."""
        root, settings = self.workspace.root, self.settings
        if settings is None:
            return None
        found = self._tried(lambda: Offers.open(root, settings))
        for offer in found.by_name.values() if found is not None else ():
            if offer.file is not None:
                self._tried(partial(pool.check_file, root, offer))
        for campaign in self.campaigns.values():
            if campaign.file.spec.template in self.templates:
                self._tried(partial(getattr, campaign, "offer"), *_names_of(campaign))
        return found

    @cached_property
    def campaigns(self) -> Mapping[str, OpenCampaign]:
        """The campaign files that can be read, by their id."""
        paths = spec.campaign_paths(self.workspace.campaigns)
        files = [file for path in paths if (file := self._campaign_file(path)) is not None]
        claims = Counter(file.spec.id for file in files)
        self._keep(
            file.problem("id", f"the id {file.spec.id!r} belongs to several files")
            for file in files
            if claims[file.spec.id] > 1
        )
        return {file.spec.id: OpenCampaign(self.workspace, file, self.segments, self._compiled) for file in files}

    def _campaign_file(self, path: Path) -> CampaignFile | None:
        """Return what a campaign file says; what is wrong in it is a problem of the template that it names too."""
        found = self._tried(partial(spec.read, path), path.stem)
        if found is None and (template := spec.template_named(path)) and template != path.stem:
            self._by_name[template] += self._by_name[path.stem]
        return found

    @cached_property
    def audiences(self) -> Mapping[str, Rule]:
        """The audience of each campaign, by its id; opening it tries the campaign's template too."""
        for campaign in self.campaigns.values():
            self._tried(partial(getattr, campaign, "template"), *_names_of(campaign))
        if self.segments is None:
            return {}
        tried = {name: self._tried(campaign.rule, *_names_of(campaign)) for name, campaign in self.campaigns.items()}
        return {name: rule for name, rule in tried.items() if rule is not None}

    @cached_property
    def tables(self) -> int:
        """How many exports of tools are known, those of the workspace's own tables among them."""
        return len(self._tried(partial(layouts.load_layouts, self.workspace.root)) or ())

    @cached_property
    def places(self) -> int:
        """How many places and stores the files places.csv and stores.csv know."""
        if self.segments is None:
            return 0
        names, file = self.segments.names, self.workspace.root / listed.PLACES_FILE
        known = self._tried(lambda: sum(1 for _ in listed.own(file, names.atlas.home))) if file.exists() else 0
        return (known or 0) + (self._tried(names.stores.check) or 0)

    @cached_property
    def polls(self) -> Polls | None:
        """What polls.yaml says."""
        root, settings = self.workspace.root, self.settings
        return None if settings is None else self._tried(lambda: Polls.open(root, settings))

    @cached_property
    def personal(self) -> bool:
        """Whether choices.yaml and context.csv, which templates are told of, hold no mistake."""
        known, settings, root = self.segments, self.settings, self.workspace.root
        if known is None or settings is None:
            return False
        today = clock.local_date(self.now, settings.zone)
        of_days = days.problems(root, settings.timezone, today)
        wrong = [*choices.problems(root, known), *impact.problems(root, known), *of_days]
        self._keep(wrong)
        return not wrong

    @cached_property
    def store(self) -> Store | None:
        """The database; None where it cannot be opened, and `store_trouble` says why."""
        try:
            return self.workspace.store
        except Exception as failure:
            known = failure if isinstance(failure, MailflowError) else explain(failure)
            if known is None:
                raise
            self.store_trouble = str(known)
            return None

    @cached_property
    def _names(self) -> Connection | None:
        """The database, if the names of events and categories can be read from it."""
        if not (self.workspace.root / PRIVATE_FOLDER).is_dir() or self.store is None:  # opening it makes the folder
            return None
        try:
            rule_names.events(self.store.db)
            rule_names.categories(self.store.db)
        except Exception as failure:
            if explain(failure) is None:
                raise
            return None
        return self.store.db

    @cached_property
    def usage(self) -> FieldUsage:
        """How the fields of all contacts are filled; that of nobody where there is no database."""
        if self.store is None:
            return FieldUsage()
        with self.progress("Reading fields", field_usage.last_id(self.store.db)) as advance:
            return field_usage.measure(self.store.db, advance)

    @cached_property
    def misfits(self) -> Mapping[str, Misfit]:
        """The values that are not what their field is declared as, by the field, with where examples come from."""
        declared = {name: field.type for name, field in (self.settings.fields if self.settings else {}).items()}
        if self.store is None or self.is_damaged or not declared:
            return {}
        db = self.store.db
        with self.progress("Reading declared fields", field_usage.last_id(db)) as advance:
            found = misfits.find(db, declared, advance)
        return {name: Misfit.of(db, name, each) for name, each in found.items()}

    @cached_property
    def fields(self) -> tuple[FieldReport, ...]:
        """The table of fields; empty where the database cannot be read."""
        if self.store is None or self.is_damaged:
            return ()
        db, texts = self.store.db, {name: template.files for name, template in self.templates.items()}
        readers = fields.readers_of_fields(texts, self.rules, self.audiences, self.traits, self._other_readers())
        declared = self.settings.fields if self.settings else {}
        gathered = Gathered(self.usage, field_usage.computed(db), imports.all_of_them(db), declared, readers)
        return fields.field_reports(gathered)

    def _other_readers(self) -> Iterator[tuple[Reader, set[str]]]:
        """Yield what reads fields without naming them in a template or in a rule of its own."""
        if self.segments is not None:
            yield from fields.read_of_choices(choices.rules(self.workspace.root, self.segments))
        if self.settings is not None:
            yield from fields.read_of_settings(self.settings)
        for name, template in self.templates.items():
            yield Reader("template", name), _asked(owner=template.front.from_owner, language=template.translations)
        for name, campaign in self.campaigns.items():
            said = campaign.file.spec
            is_local = said.send_at is not None and said.send_at.is_local
            yield Reader("campaign", name), _asked(owner=said.from_owner, timezone=is_local)

    def _keep(self, problems: Iterable[Problem]) -> None:
        self._problems.update(dict.fromkeys(problems))

    def _tried(self, read: Callable[[], _Part], *names: str) -> _Part | None:
        """Return what a function reads; None where it raises problems, which are kept, also as those of some names."""
        try:
            return read()
        except ProblemsError as error:
            self._keep(error.problems)
            for name in names:
                self._by_name[name] += error.problems
            return None


def _names_of(campaign: OpenCampaign) -> set[str]:
    return {campaign.file.spec.id, campaign.file.name}


def _asked(**fields: object) -> set[str]:
    """Return the fields that are asked for."""
    return {name for name, is_asked in fields.items() if is_asked}
