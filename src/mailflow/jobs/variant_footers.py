"""What the shop says of itself by country, as branches: each footer or address of `countries:` makes a variant.

Which those are: `countries:` in config/countries; the branches of templates: templates/branches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from mailflow.config.yaml_files import read_yaml
from mailflow.outbox import context
from mailflow.phrases import listed
from mailflow.templates.branches import Branch
from mailflow.templates.conditions import country_name
from mailflow.workspace import SETTINGS_FILE, Workspace

if TYPE_CHECKING:
    from mailflow.config.countries import CountrySettings
    from mailflow.templates.compiled import CompiledTemplate

_PARTS = ("footer", "address")
_OWN = "your own footer"


@dataclass(frozen=True, slots=True)
class Footers:
    """The footers that a template shows. `branches` stand by their bits, the first is the shop's own."""

    parts: tuple[str, ...]
    branches: Mapping[tuple[Any, ...], Branch]

    @classmethod
    def of(cls, workspace: Workspace, template: CompiledTemplate) -> Self:
        """Return the footers of a template; none where all its readers have the same."""
        settings = workspace.settings
        parts = tuple(part for part in _PARTS if template.mentions(f"shop.{part}"))
        own = _key(parts, context.shop_context(settings))
        codes: dict[tuple[Any, ...], list[str]] = {}
        for code, rule in settings.countries.items():
            codes.setdefault(_key(parts, context.shop_abroad(settings, rule)), []).append(code)
        codes.pop(own, None)
        if not codes:
            return cls(parts, {})
        document = read_yaml(workspace.root / SETTINGS_FILE)
        found = {own: Branch(SETTINGS_FILE, 1, _OWN, is_written=False, name=_OWN)}
        for key, those in codes.items():
            line = document.problem(("countries", those[0]), "", at_key=True).line or 1
            name = _name(parts, those, settings.countries[those[0]])
            found[key] = Branch(SETTINGS_FILE, line, f"countries: {', '.join(those)}", is_written=True, name=name)
        return cls(parts, found)

    def taken(self, shop: Mapping[str, Any]) -> int:
        """Return the bit of the footer that a reader gets, who is told this of the shop; 0 where all get the same."""
        return 1 << list(self.branches).index(_key(self.parts, shop)) if self.branches else 0


def _key(parts: tuple[str, ...], shop: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(tuple(shop[part]) if part == "footer" else shop[part] for part in parts)


def _name(parts: tuple[str, ...], codes: list[str], rule: CountrySettings) -> str:
    """Return what a footer is called: `Austria's footer`, `Austria's and Germany's footer and address`."""
    own = listed([f"{name}'" if name.endswith("s") else f"{name}'s" for name in map(country_name, codes)])
    return f"{own} {listed([part for part in parts if getattr(rule, part)])}"
