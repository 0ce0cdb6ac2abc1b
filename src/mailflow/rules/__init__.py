"""The rule language: who is meant. Pure: a rule knows no database; store/rules_sql.py compiles it for one."""

from mailflow.rules.check import parse
from mailflow.rules.explain import Explained, explain
from mailflow.rules.predicate import matches
from mailflow.rules.syntax import RuleError
from mailflow.rules.types import Context, Field, FieldType, Names, Rule, known_fields

__all__ = [
    "Context",
    "Explained",
    "Field",
    "FieldType",
    "Names",
    "Rule",
    "RuleError",
    "explain",
    "known_fields",
    "matches",
    "parse",
]
