"""The rules a workspace knows, and whom they find. What a rule may say: docs/segments.md."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mailflow import clock
from mailflow.config import Settings
from mailflow.config.polls import Polls
from mailflow.config.rates import RATES_FILE, Rates, load_rates
from mailflow.config.yaml_files import Document, read_yaml, suggestion
from mailflow.errors import DataError, Problem, ProblemsError
from mailflow.places.stores import STORES_FILE, Stores
from mailflow.rules import Context, Field, Names, Rule, RuleError, known_fields, matches, parse
from mailflow.rules.predicate import Facts
from mailflow.rules.traits import Trait
from mailflow.rules.types import FAVOURITE, TRAITS
from mailflow.segments import traits_file
from mailflow.store import (
    Connection,
    Store,
    favourites,
    frames,
    gazetteer,
    history,
    lifecycle,
    members,
    past,
    rule_names,
    rules_sql,
)
from mailflow.store import polls as store_polls
from mailflow.store.members import Confidences
from mailflow.tracking.vocabulary import VOCABULARY

SEGMENTS_FILE = "segments.yaml"
_MAIL_FOLDERS = ("campaigns", "flows")
# The names of analytics.rfm.CLASSES, kept here so that reading a rule imports no pandas; a test holds that they agree.
RFM_CLASSES = (
    "champions",
    "loyal_customers",
    "potential_loyalists",
    "new_customers",
    "promising",
    "need_attention",
    "about_to_sleep",
    "cannot_lose_them",
    "at_risk",
    "hibernating",
)


@dataclass(frozen=True, slots=True)
class Segments:
    """What rules of one workspace may speak of: fields, classes, named rules, rates."""

    settings: Settings
    classes: tuple[str, ...]
    fields: Mapping[str, Field]
    rules: Mapping[str, str]
    rates: Rates
    names: Names
    traits: Mapping[str, Trait]

    @classmethod
    def open(cls, root: Path, settings: Settings, db: Connection | None = None) -> Segments:
        """Read segments.yaml, traits.yaml and rates.csv of the folder `root`; `ProblemsError` where they are wrong.

        A rule is looked into when it is used, so that one with a mistake does not stop the others. With the database
        the shop's own events and categories are known, and slips in their names are told.
        """
        classes = tuple(settings.rfm.classes or RFM_CLASSES)
        document = _document(root)
        rules = _named_rules(document, classes) if document is not None else {}
        cares = traits_file.read(root)
        fields = known_fields(settings.fields, classes, cares)
        rules = {name: _spelled(text, rules, fields, classes) for name, text in rules.items()}
        return cls(settings, classes, fields, rules, load_rates(root / RATES_FILE), _names(root, settings, db), cares)

    def parse(self, text: str) -> Rule:
        """Return what a rule means; `RuleError` says what is wrong with it and where.

        The bare name of an RFM class or of a rule in segments.yaml means its members.
        """
        return self._read(_spelled(text, self.rules, self.fields, self.classes))

    def parse_sign(self, text: str, trait: str) -> Rule:
        """Return what a rule means that is a sign of a trait (`traits.x`)."""
        return self._read(_spelled(text, self.rules, self.fields, self.classes), trait)

    def named(self, name: str) -> Rule:
        """Return what a rule of segments.yaml means."""
        return self._read(self.rules[name])

    def _read(self, text: str, within: str | None = None) -> Rule:
        return parse(
            text,
            fields=self.fields,
            segments=self.rules,
            traits=self.traits,
            names=self.names,
            within=() if within is None else (within,),
        )

    def needs_scores(self, rule: Rule) -> bool:
        """Say whether a rule asks for RFM scores, which must be brought up to date before."""
        return any(field.name.startswith("rfm.") for field in rule.fields())

    def needs_stages(self, db: Connection, rule: Rule, *, until: datetime) -> bool:
        """Say whether a rule asks for lifecycle stages as of the end of a day which are not the kept ones."""
        if self.fields["lifecycle"] not in rule.fields():
            return False
        return not lifecycle.holds(db, self.settings.lifecycle, until=clock.to_ms(until))

    def members(self, store: Store, rule: Rule, *, now: datetime) -> array[int]:
        """Return the contacts (ids, ascending) that a rule means at an instant, on the kept facts and scores.

        An order dated after the end of today has not happened yet.
        """
        with self._today(store, rule, now) as db:
            return self.found(db, rule, now=now)

    def confidences(self, store: Store, trait: str, *, now: datetime) -> Confidences:
        """Return how sure we are of a trait, of everybody whom a sign of it speaks for; as `members` sees them."""
        rule = self.parse(f"{TRAITS}{trait}")
        with self._today(store, rule, now) as db:
            context, factors = self.context(db, now, amounts=rule.asks_amounts())
            weight = rules_sql.compile_trait(
                rule,
                context=context,
                factors=factors,
                merges=members.any_merged(db),
                standing=_standing(db, rule, context),
            )
            return members.confidences(db, weight)

    def totals(self, store: Store, rule: Rule, what: str, *, now: datetime) -> tuple[Mapping[int, float], str]:
        """Return contact → what the deeds of a rule add up to, and the currency of amounts (minor units of orders)."""
        db, amounts = store.db, what == "amount" or rule.asks_amounts()
        context, factors = self.context(db, now, amounts=amounts)
        query = rules_sql.compile_totals(rule, what, context=context, factors=factors, merges=members.any_merged(db))
        return members.totals(db, *query), context.currency

    @contextmanager
    def _today(self, store: Store, rule: Rule, now: datetime) -> Iterator[Connection]:
        """Give a connection that sees no order of tomorrow, and the stages of today, where a rule asks for them."""
        until = clock.end_of_day(clock.local_date(now, self.settings.zone), self.settings.zone)
        stages = self.settings.lifecycle if self.needs_stages(store.db, rule, until=until) else None
        if stages is None and not any(field.name.startswith(("orders.", "tickets.")) for field in rule.fields()):
            yield store.db
            return
        with past.seen(store, until=clock.to_ms(until), stages=stages) as db:
            yield db

    def found(self, db: Connection, rule: Rule, *, now: datetime) -> array[int]:
        """Return the contacts that a rule means, on what this very connection sees."""
        where, parameters = self.compiled(db, rule, now)
        return array("q", members.found(db, where, parameters))

    def of_contact(self, db: Connection, contact_id: int, *, now: datetime) -> list[str]:
        """Return the names in segments.yaml whose rule means a contact, on the kept facts and scores.

        A rule with a mistake is left out: `mailflow segment --list` says what is wrong with it.
        """
        found = []
        seen: dict[bool, tuple[Facts | None, Context]] = {}
        for name in self.rules:
            try:
                rule = self.parse(name)
                amounts = rule.asks_amounts()
                seen[amounts] = facts, context = seen.get(amounts) or self.facts(
                    db, contact_id, now=now, amounts=amounts
                )
            except (RuleError, DataError):
                continue
            if facts is not None and matches(rule, facts, context=context):
                found.append(name)
        return found

    def means(self, db: Connection, rule: Rule, contact_id: int, *, now: datetime) -> bool:
        """Say whether a rule means one contact, on what this very connection sees; only their rows are read."""
        facts, context = self.facts(db, contact_id, now=now, amounts=rule.asks_amounts())
        return facts is not None and matches(rule, facts, context=context)

    def facts(self, db: Connection, contact_id: int, *, now: datetime, amounts: bool) -> tuple[Facts | None, Context]:
        """Return all that rules may ask of one contact, for `matches` and `explain`, and what they are relative to.

        None for a contact who is unknown or merged into another. `amounts`: money must be in one currency, `DataError`
        where a rate is missing.
        """
        context, factors = self.context(db, now, amounts=amounts)
        return history.facts(db, contact_id, context=context, factors=factors), context

    def compiled(self, db: Connection, rule: Rule, now: datetime) -> tuple[str, rules_sql.Parameters]:
        """Return a rule as a condition on `contacts AS c` with its parameters, for this very connection."""
        context, factors = self.context(db, now, amounts=rule.asks_amounts())
        return rules_sql.compile(
            rule,
            context=context,
            factors=factors,
            merges=members.any_merged(db),
            standing=_standing(db, rule, context),
        )

    def context(self, db: Connection, now: datetime, *, amounts: bool) -> tuple[Context, Mapping[str, float]]:
        """Return what rules are relative to, with the currency that amounts are in, and how others are converted.

        `amounts`: what orders are in is looked up; `DataError` where a rate is missing.
        """
        account, zone = self.settings.currency, self.settings.zone
        if not amounts:
            return Context(now, zone, account), {}
        currency, factors = frames.factors(frames.currencies(db), account, self.rates, clock.local_date(now, zone))
        return Context(now, zone, currency), factors


def _standing(db: Connection, rule: Rule, context: Context) -> favourites.Standing | None:
    """Return for whom the kept favourites hold, where a rule asks about them."""
    return favourites.standing(db, until=favourites.until(context)) if rule.asks(FAVOURITE) else None


def _spelled(text: str, rules: Collection[str], fields: Collection[str], classes: Collection[str]) -> str:
    """Return a rule that is no more than the name of a segment or an RFM class as one that says so; others stay."""
    name = text.strip()
    if name in rules and name not in fields:
        return f'segment("{name}")'
    return f'rfm.class == "{name}"' if name in classes else text


def _names(root: Path, settings: Settings, db: Connection | None) -> Names:
    """Return what may be spoken of: the events everybody knows, what is in the database, and places."""
    atlas = gazetteer.of_workspace(root, settings.timezone)
    stores = Stores(root / STORES_FILE, atlas)
    if db is None:
        return Names(events=frozenset(VOCABULARY), atlas=atlas, stores=stores)
    return Names(
        rule_names.events(db) | VOCABULARY.keys(),
        rule_names.categories(db),
        lambda word: rule_names.product_meant(db, word),
        lambda word: rule_names.campaign_meant(db, word, _mail_files(root)),
        lambda poll, answer: _poll_trouble(root, settings, db, poll, answer),
        atlas,
        stores,
    )


def _poll_trouble(root: Path, settings: Settings, db: Connection, name: str, answer: str | None) -> str | None:
    """Return what is wrong with the name of a poll and an answer to it; a poll that is gone keeps its answers."""
    try:
        polls = Polls.open(root, settings)
    except ProblemsError:
        return None  # told where polls.yaml is looked at
    poll = polls.by_name.get(name.lower())
    if poll is None:
        return None if name in store_polls.names(db) else polls.unknown(name)
    if answer is None or poll.answer(answer) is not None:
        return None
    return f"the poll {name!r} has no answer {answer!r}{suggestion(answer, [each.key for each in poll.answers])}"


def _mail_files(root: Path) -> list[str]:
    """Return what the campaigns and flows are called that are there as files."""
    return [path.stem for folder in _MAIL_FOLDERS for path in (root / folder).glob("*.yaml")]


def problems(root: Path, settings: Settings, db: Connection | None = None) -> Sequence[Problem]:
    """Return everything that is wrong in segments.yaml and traits.yaml, with its places; `db` as in `Segments.open`."""
    try:
        segments = Segments.open(root, settings, db)
    except ProblemsError as error:
        return error.problems
    document = _document(root)
    found = []
    for name, text in segments.rules.items():
        try:
            segments.parse(text)
        except RuleError as error:
            assert document is not None
            found.append(document.problem((name,), str(error)))
    return [*found, *traits_file.problems(root, segments.traits, segments.parse_sign)]


def placed(root: Path, name: str, error: RuleError) -> ProblemsError:
    """Return what is wrong with a rule of segments.yaml, with its line and column there."""
    document = _document(root)
    assert document is not None
    return ProblemsError([document.problem((name,), str(error))])


def _document(root: Path) -> Document | None:
    path = root / SEGMENTS_FILE
    return read_yaml(path) if path.exists() else None


def _named_rules(document: Document, classes: Sequence[str]) -> Mapping[str, str]:
    """Return the rules by name; `ProblemsError` for what is none."""
    if document.data is None:
        return {}
    if not isinstance(document.data, dict):
        message = 'holds no rules: write lines such as  vip: rfm.class == "champions"'
        raise ProblemsError([document.problem((), message)])
    found = []
    rules = {name: str(text).lower() if isinstance(text, bool) else text for name, text in document.data.items()}
    for name, text in rules.items():
        if not isinstance(text, str):
            found.append(document.problem((name,), f"the segment {name!r} is no rule: a rule is one line of text"))
        elif name in classes:
            message = f"{name!r} is an RFM class already: give the segment another name"
            found.append(document.problem((name,), message, at_key=True))
    if found:
        raise ProblemsError(found)
    return rules
