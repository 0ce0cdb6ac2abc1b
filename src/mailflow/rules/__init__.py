"""The rule language: who is meant. Pure: a rule knows no database; store/rules_sql.py compiles it for one."""

from mailflow.rules.check import parse
from mailflow.rules.predicate import matches
from mailflow.rules.syntax import RuleError
from mailflow.rules.types import Context, Field, FieldType, Rule, known_fields

__all__ = ["Context", "Field", "FieldType", "Rule", "RuleError", "known_fields", "matches", "parse"]
