"""The rules a workspace knows, and whom they find. What a rule may say: docs/segments.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mailflow import clock
from mailflow.config import Settings
from mailflow.config.rates import Rates, load_rates
from mailflow.config.yaml_files import Document, read_yaml
from mailflow.errors import Problem, ProblemsError
from mailflow.rules import Context, Field, Rule, RuleError, known_fields, parse
from mailflow.store import Connection, Store, frames, members, past, rules_sql

SEGMENTS_FILE = "segments.yaml"
RATES_FILE = "rates.csv"
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

    @classmethod
    def open(cls, root: Path, settings: Settings) -> Segments:
        """Read segments.yaml and rates.csv of the workspace folder `root`; `ProblemsError` where they are wrong.

        A rule is looked into when it is used, so that one with a mistake does not stop the others.
        """
        classes = tuple(settings.rfm.classes or RFM_CLASSES)
        document = _document(root)
        rules = _named_rules(document, classes) if document is not None else {}
        return cls(settings, classes, known_fields(settings.fields, classes), rules, load_rates(root / RATES_FILE))

    def parse(self, text: str) -> Rule:
        """Return what a rule means; `RuleError` says what is wrong with it and where.

        The bare name of an RFM class or of a rule in segments.yaml means its members.
        """
        name = text.strip()
        if name in self.rules and name not in self.fields:
            text = f'segment("{name}")'
        elif name in self.classes:
            text = f'rfm.class == "{name}"'
        return parse(text, fields=self.fields, segments=self.rules)

    def needs_scores(self, rule: Rule) -> bool:
        """Say whether a rule asks for RFM scores, which must be brought up to date before."""
        return any(field.name.startswith("rfm.") for field in rule.fields())

    def members(self, store: Store, rule: Rule, *, now: datetime) -> list[int]:
        """Return the contacts (ids, ascending) that a rule means at an instant, on the kept facts and scores.

        An order dated after the end of today has not happened yet.
        """
        until = clock.end_of_day(clock.local_date(now, self.settings.zone), self.settings.zone)
        if not any(field.name.startswith("orders.") for field in rule.fields()):
            return self.found(store.db, rule, now=now)
        with past.seen(store, until=clock.to_ms(until)) as db:
            return self.found(db, rule, now=now)

    def found(self, db: Connection, rule: Rule, *, now: datetime) -> list[int]:
        """Return the contacts that a rule means, on what this very connection sees."""
        where, parameters = self._compiled(db, rule, now)
        return list(members.found(db, where, parameters))

    def of_contact(self, db: Connection, contact_id: int, *, now: datetime) -> list[str]:
        """Return the names in segments.yaml whose rule means a contact, on the kept facts and scores.

        A rule with a mistake is left out: `mailflow segment --list` says what is wrong with it.
        """
        return [name for name, text in self.rules.items() if self._means(db, text, contact_id, now)]

    def _means(self, db: Connection, text: str, contact_id: int, now: datetime) -> bool:
        try:
            where, parameters = self._compiled(db, self.parse(text), now)
        except RuleError:
            return False
        return members.is_one(db, where, parameters, contact_id)

    def _compiled(self, db: Connection, rule: Rule, now: datetime) -> tuple[str, rules_sql.Parameters]:
        account, zone = self.settings.currency, self.settings.zone
        if self.fields["orders.revenue"] not in rule.fields():
            return rules_sql.compile(rule, context=Context(now, zone, account))
        day = clock.local_date(now, zone)
        currency, factors = frames.factors(frames.currencies(db), account, self.rates, day)
        return rules_sql.compile(rule, context=Context(now, zone, currency), factors=factors)


def problems(root: Path, settings: Settings) -> Sequence[Problem]:
    """Return everything that is wrong in segments.yaml, with its places."""
    try:
        segments = Segments.open(root, settings)
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
    return found


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
