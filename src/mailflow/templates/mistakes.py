"""What Jinja and Python say of a mistake in a template, in words for who wrote it.

Tags of other tools: foreign.py. What may be written: guard.py. Where a mistake is: build.py and compiled.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

# What Jinja calls the parts of a tag (jinja2.lexer.describe_token).
_PARTS = {
    "end of print statement": "the end of the tag, }}",
    "end of statement block": "the end of the tag, %}",
    "begin of print statement": "{{",
    "begin of statement block": "{%",
    "template data / text": "text",
    "end of template": "the end of the file",
    "name": "a name",
    "integer": "a number",
    "string": "a text in quotes",
}
_ENDS = frozenset(("end of print statement", "end of statement block"))
_KINDS = {
    "NoneType": "nothing", "str": "a text", "int": "a number", "float": "a number", "Decimal": "a number",
    "decimal.Decimal": "a number", "bool": "yes or no", "list": "a list", "dict": "a mapping",
    "datetime.date": "a day", "datetime.datetime": "a time",
}  # fmt: skip
_EMPTY = "is empty for this person"
_ASK = "ask first whether it is there: {% if name and … %}"


def sentence(error: BaseException) -> str:
    """Return an exception's words as the end of a sentence that begins with a place."""
    said = str(getattr(error, "message", None) or error).rstrip(".") or type(error).__name__
    return _in_words(said)


@lru_cache(256)
def _in_words(said: str) -> str:
    for pattern, words in _MISTAKES:
        if match := pattern.match(said):
            return words(match)
    return said


def _unclosed(match: re.Match[str]) -> str:
    name = match["name"] or "if"
    return f"{{% {name} … %}} is not closed: write {{% end{name} %}} where it ends"


def _stray(match: re.Match[str]) -> str:
    name, wanted = match["name"], match["wanted"]
    if name.startswith("end") or name in ("else", "elif"):
        closed = f", where {{% {wanted} %}} is wanted" if wanted else ""
        return f"{{% {name} %}} belongs to nothing here{closed}: a tag before it is missing or was closed already"
    return f"there is no tag {{% {name} %}}"


def _expected(match: re.Match[str]) -> str:
    wanted, got = match["wanted"], match["got"]
    if got == "=":
        return "= stands where nothing is set: two things are compared with =="
    if (wanted, got) == (":", "}"):
        return "a tag stands inside a tag: two {{ come before the first }}"
    if wanted in _ENDS and got == "if":
        return "write {% elif … %} for a further condition"
    if got in _ENDS:
        return f"{_PARTS.get(wanted, wanted)} is missing before {_PARTS[got]}"
    if wanted in _ENDS:
        return f"{_part(got)} stands where the tag should end: is a sign or a quotation mark missing before it?"
    return f"{_part(wanted)} should stand where {_part(got)} is"


def _sign(match: re.Match[str]) -> str:
    sign = match["sign"]
    if sign in "'\"":
        return f"a text begins with {sign} and does not end: a closing {sign} is missing"
    instead = {"&": ": write and", "!": ": write not", "$": "", "?": ""}.get(sign, "")
    return f"the sign {sign} means nothing in a tag{instead}"


def _unexpected(match: re.Match[str]) -> str:
    sign, wanted = match["sign"], match["wanted"]
    if sign in _ENDS:
        return f"something is missing before {_PARTS[sign]}"
    if wanted:
        return f"a bracket is not closed: {wanted} is missing before {sign}"
    if sign in ("}", "%"):
        return "a tag does not end as it began: {{ … }} and {% … %} have two signs at each end"
    return f"{sign} stands where it means nothing: is a bracket missing?"


def _compared(match: re.Match[str]) -> str:
    sign, kinds = match["sign"], (match["left"], match["right"])
    if "NoneType" in kinds:
        return f"something {_EMPTY}, and is compared by {sign}: {_ASK}"
    return f"{_kinds(kinds)} cannot be compared"


def _worked_out(match: re.Match[str]) -> str:
    sign, kinds = match["sign"].split(" ")[0], (match["left"], match["right"])
    if "NoneType" in kinds:
        return f"something {_EMPTY}, and stands beside {sign}: {_ASK}"
    return f"{sign} is for numbers, not for {_kinds(kinds)}"


def _lacking(match: re.Match[str]) -> str:
    return f"the filter {match['name']} needs more: {match['missing'].replace(chr(39), '')}"


def _kinds(names: tuple[str, ...]) -> str:
    return " and ".join(_KINDS.get(name, name) for name in names if name)


def _part(said: str) -> str:
    return _PARTS.get(said) or repr(said)


def _always(words: str) -> Callable[[re.Match[str]], str]:
    return lambda _: words


_MISTAKES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern, re.DOTALL), words)
    for pattern, words in (
        (r"Unexpected end of template.*?(?:to be closed is '(?P<name>\w+)'|\Z)", _unclosed),
        (r"Encountered unknown tag '(?P<name>\w+)'(?:.*?looking for.*?'(?P<wanted>\w+)')?", _stray),
        (r"expected token '(?P<wanted>[^']+)', got '(?P<got>[^']+)'", _expected),
        (r"Expected an expression, got '(?P<sign>[^']+)'(?P<wanted>)", _unexpected),
        (r"expected name or number", _always("a name is missing after the dot")),
        (r"Missing end of comment tag", _always("a comment that begins with {# does not end: write #}")),
        (r"unexpected char (?P<quote>['\"])(?P<sign>.)(?P=quote) at", _sign),
        (r"unexpected char (?P<quote>)(?P<sign>.)", _sign),
        (r"unexpected '(?P<sign>[^']+)'(?:, expected '(?P<wanted>[^']+)')?", _unexpected),
        (
            r"'(?P<sign>[<>]=?)' not supported between instances of '(?P<left>[\w.]+)' and '(?P<right>[\w.]+)'",
            _compared,
        ),
        (r"can't compare (?P<left>[\w.]+) (?P<sign>to) (?P<right>[\w.]+)", _compared),
        (
            r"unsupported operand type\(s\) for (?P<sign>[^:]+): '(?P<left>[\w.]+)' and '(?P<right>[\w.]+)'",
            _worked_out,
        ),
        (r"bad operand type for unary (?P<sign>.): '(?P<left>[\w.]+)'(?P<right>)", _worked_out),
        (r"(?P<name>\w+)\(\) missing \d+ required (?:positional|keyword-only) arguments?: (?P<missing>.+)", _lacking),
        (
            r"'in <string>' requires string as left operand, not NoneType",
            _always(f"what `in` looks for {_EMPTY}: {_ASK}"),
        ),
        (r"'in <string>' requires string", _always("`in` looks for a text in a text, or for anything in a list")),
        (r"argument of type 'NoneType' is not iterable", _always(f"what `in` looks in {_EMPTY}: {_ASK}")),
        (r"'NoneType' object is not iterable", _always(f"the list of this loop {_EMPTY}: {_ASK}")),
        (
            r"(?:division by zero|\[<class 'decimal\.\w+'>\])\Z",
            _always("divides by nothing, or what it works out is no number"),
        ),
    )
)
