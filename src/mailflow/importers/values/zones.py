"""Find the time zone that a cell names: `Europe/Oslo`, and the names that tills and payment services write."""

from __future__ import annotations

from functools import cache
from zoneinfo import ZoneInfo

from mailflow.importers.wording.words import fold

# Names of a zone as people say them, and of its winter and summer time: wall time there is the same either way.
_NAMES = {
    "America/Los_Angeles": "pacific_time_(us_&_canada) pacific_time pst pdt pacific us/pacific",
    "America/Denver": "mountain_time_(us_&_canada) mountain_time mst mdt us/mountain",
    "America/Phoenix": "arizona us/arizona",
    "America/Chicago": "central_time_(us_&_canada) central_time cst cdt us/central",
    "America/New_York": "eastern_time_(us_&_canada) eastern_time est edt us/eastern",
    "America/Indiana/Indianapolis": "indiana_(east)",
    "America/Juneau": "alaska alaska_time akst akdt us/alaska",
    "Pacific/Honolulu": "hawaii hawaii_time hst us/hawaii",
    "America/Puerto_Rico": "puerto_rico",
    "America/Halifax": "atlantic_time_(canada) atlantic_time adt",
    "America/St_Johns": "newfoundland newfoundland_time nst ndt",
    "America/Regina": "saskatchewan",
    "Europe/London": "london edinburgh bst",
    "Europe/Dublin": "dublin",
    "Europe/Paris": "paris cet cest central_european_time central_european_summer_time",
    "Europe/Berlin": "berlin mez mesz",
    "Europe/Madrid": "madrid",
    "Europe/Athens": "athens eet eest",
    "UTC": "utc gmt z etc/utc coordinated_universal_time",
    "Asia/Tokyo": "tokyo osaka sapporo jst japan_standard_time",
    "Asia/Kolkata": "new_delhi mumbai kolkata chennai",
    "Asia/Singapore": "singapore sgt",
    "Asia/Hong_Kong": "hong_kong hkt",
    "Australia/Sydney": "sydney canberra aest aedt",
    "Australia/Melbourne": "melbourne",
    "Australia/Brisbane": "brisbane",
    "Australia/Adelaide": "adelaide acst acdt",
    "Australia/Perth": "perth awst",
    "Australia/Hobart": "hobart",
    "Pacific/Auckland": "auckland wellington nzst nzdt",
}
_ZONES = {fold(name): zone for zone, names in _NAMES.items() for name in names.split()}


@cache
def named_zone(name: str) -> ZoneInfo:
    """Return the zone of a name; `ValueError` for one that nobody knows."""
    known = _ZONES.get(fold(name))
    try:
        return ZoneInfo(known or name.strip())
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name.strip()!r} is no time zone that is known: write one such as Europe/Oslo") from None
