"""What can go wrong, in words and exit codes. Data that is merely bad is a `Problem`, not an exception."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

_LONGEST = 1000  # characters of the words of a problem


class MailflowError(Exception):
    """Something the user can act on: what happened, where, and what to do next.

    The text is shown as it is, without a traceback, by `mailflow.cli.main` and nowhere else. `exit_code` belongs to
    the class: a script can tell "try again later" from "mend the file".
    """

    exit_code: ClassVar[int] = 1


class PartialFailure(MailflowError):
    """The work was done, except for rows or messages that are listed."""

    exit_code = 1


class UsageError(MailflowError):
    """The command line cannot be carried out as typed: an option, a missing file, a question without a terminal."""

    exit_code = 2


class QuestionError(UsageError):
    """Something that only the user can know. In a terminal it is asked, elsewhere the text says how to answer.

    `option` answers it on the command line, with one of the values of `choices` (what is shown → the value).
    """

    def __init__(
        self, question: str, *, option: str = "", choices: Mapping[str, str] | None = None, how: str | None = None
    ) -> None:
        self.question = question
        self.option = option
        self.choices: Mapping[str, str] = choices or {}
        if how is None:
            how = " or ".join(f"{option} {value}" for value in self.choices.values())
        super().__init__(f"{question}. Say it with {how}" if how else question)


class SeveralErrors(MailflowError):
    """What went wrong with several files, all of it told in one go; the exit code is the worst of them."""

    def __init__(self, errors: Sequence[MailflowError]) -> None:
        self.errors = tuple(errors)
        self.exit_code = max(error.exit_code for error in errors)  # type: ignore[misc]  # each class has one: not this
        super().__init__("\n".join(str(error) for error in errors))


class DataError(MailflowError):
    """A file was found but does not hold what it should."""

    exit_code = 65


class UnavailableError(MailflowError):
    """Something outside mailflow is missing: the relay, disk space, a readable database."""

    exit_code = 69


class UnfinishedError(UnavailableError):
    """An import could not be taken back to its end; the next command that writes goes on with it."""


class BusyError(MailflowError):
    """Another mailflow is at work; the same command will succeed later."""

    exit_code = 75


class ConfigError(MailflowError):
    """A file that the user edits is wrong, or a setting that this command needs is not there."""

    exit_code = 78


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in something a user wrote or supplied, with its place.

    `line` and `column` count from 1; None where there is no such place.
    """

    file: str
    message: str
    line: int | None = None
    column: int | None = None

    def __post_init__(self) -> None:
        if len(self.message) > _LONGEST:  # it shows a value that was never meant for a line
            object.__setattr__(self, "message", f"{self.message[: _LONGEST - 1]}…")

    def __str__(self) -> str:
        one_line = " ".join(self.file.splitlines())  # a file may be called anything
        place = ":".join(str(part) for part in (one_line, self.line, self.column) if part is not None)
        return f"{place}: {self.message}"


class ProblemsError(ConfigError):
    """Several problems in files that the user edits, all reported in one go."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))
