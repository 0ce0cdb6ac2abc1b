"""What the doctor says about one thing: how bad it is, where it is, what is wrong, how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Whether something must be mended."""

    ERROR = "error"  # it does not work, or is not safe: exit code 1
    HINT = "hint"  # it works; something may be meant otherwise


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found. `area` is what was looked at: files, private, database or data."""

    severity: Severity
    area: str
    where: str
    message: str
    remedy: str

    def as_record(self) -> dict[str, str]:
        """Return the finding as JSON prints it."""
        return {
            "severity": self.severity.value,
            "area": self.area,
            "where": self.where,
            "message": self.message,
            "remedy": self.remedy,
        }


def error(area: str, where: str, message: str, remedy: str) -> Finding:
    """Return a finding that must be mended."""
    return Finding(Severity.ERROR, area, where, message, remedy)


def hint(area: str, where: str, message: str, remedy: str) -> Finding:
    """Return a finding that is worth a look."""
    return Finding(Severity.HINT, area, where, message, remedy)
