"""Whether a mail hurries people for a reason: what it says of deadlines against that of its offer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from mailflow.offers.deadlines import FalseDeadline, false_deadlines
from mailflow.templates.lint import wording
from mailflow.templates.lint.checks import Found
from mailflow.templates.parts import Rendered

_MOST_KEPT = 20_000
_SOON = timedelta(days=3)

# Letters that some word of every deadline and of all pressure has in it: most paragraphs have none of them.
_STEMS = (
    "until till through thru before end expire deadline by day night morrow last hour chance hurr now miss late runn "
    "few soon final count time only just bis gültig heute morgen letz eil zug vorrat wenig schnell nie verpass nur "
    "hasta termina caduca hoy día dia oport prisa pierd jusqu avant jour demain dépê tard seul entro scade oggi "
    "domani ultim affret fino solo sólo tot geldig dag kans snel alleen"
).split(" ")

_Said = dict[str, tuple[Found, ...]]


@dataclass(slots=True)
class Deadlines:
    """Reads what is said of deadlines, each paragraph once for a day and an end."""

    _said: dict[tuple[date, date | None], _Said] = field(default_factory=dict)

    def look(self, rendered: Rendered, *, today: date, ends: date | None) -> list[Found]:
        """Return false deadlines in a mail that is read on `today` and whose offer `ends`, None where none does."""
        said = self._said.setdefault((today, ends), {})
        found: list[Found] = []
        for key, texts in (
            ("", rendered.text.split("\n\n")),
            ("subject", [rendered.subject]),
            ("preheader", [rendered.preheader]),
        ):
            for text in texts:
                name = f"{key}\0{text}"
                if name not in said:
                    if len(said) >= _MOST_KEPT:
                        said.clear()
                    said[name] = tuple(_found(text, key, today, ends)) if _may_press(text) else ()
                found += said[name]
        return found


def _may_press(text: str) -> bool:
    """Whether a text may speak of a deadline, quickly."""
    lower = text.lower()
    return True in [stem in lower for stem in _STEMS]


def _found(text: str, key: str, today: date, ends: date | None) -> Iterable[Found]:
    told = [each for each in false_deadlines(text, today=today, ends=ends) if ends is not None or _hurries(each, today)]
    for each in told:
        near = (each.words, _line(text, each.start))
        yield Found("L601", each.sentence, () if key else near, key=key)
    if ends is None and not told:
        yield from (
            Found(found.code, found.message, () if key else found.near, key=key) for found in wording.pressure(text)
        )


def _hurries(said: FalseDeadline, today: date) -> bool:
    """Whether words without an offer press: `today only` does; `closed until 6 January` is no deadline of an offer."""
    return not any(sign.isdigit() for sign in said.words) or all(day <= today + _SOON for day in said.says)


def _line(text: str, start: int) -> str:
    end = text.find("\n", start)
    return text[text.rfind("\n", 0, start) + 1 : len(text) if end < 0 else end]
