"""Put large sources together in a child process with limits, so that one made to hurt ends there and not here.

Parsers of other people (HTML, Markdown, CSS, MJML) are quick with what people write, and some of them slow or hungry
with what is written to hurt them: no count of ours tells the two apart. What rendering may cost is counted: budget.py.
"""

from __future__ import annotations

import os
import pickle
import resource
import signal
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, TypeVar

from mailflow.errors import Problem
from mailflow.templates.parts import TemplateError

Result = TypeVar("Result")

SMALL = 4096  # characters that need no child: starting one takes 10 ms
CPU_SECONDS = 2
MEMORY = 512 * 1024 * 1024  # bytes that a child may take beyond what this process has; macOS does not hold it to them
LARGEST = 32 * 1024 * 1024  # bytes of a result, with the pictures that travel in the message
_WAIT = 60.0  # seconds for a child that neither works nor ends, as on a machine that has no memory left

_SPLIT = "take something out of it, or make several messages of it"
_TOO_SLOW = f"takes more than {CPU_SECONDS} s of work to put together: {_SPLIT}"
_TOO_LARGE = f"takes more than {MEMORY // 1024 // 1024} MB of memory to put together: {_SPLIT}"
_TOO_DEEP = f"holds something that is nested too deeply to be read: {_SPLIT}"
_SLOW = (signal.SIGXCPU, signal.SIGALRM, signal.SIGKILL)  # the last where a system ends what passes the hard limit
_OURS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, *_SLOW[:2])  # signals that this process may have ways of its own


def held(work: Callable[[], Result], file: str) -> Result:
    """Return what `work` returns, done in a child process within the limits.

    `TemplateError`, placed at `file`, where it needs more than they allow; one that `work` raises comes as it is. What
    `work` changes is changed in the child alone: it must return all that is wanted, and that must be picklable.
    """
    reader, writer = os.pipe()
    child = _fork()
    if child == 0:
        _work(work, writer, file)
    os.close(writer)
    try:
        with open(reader, "rb") as pipe:
            data = pipe.read()
    finally:
        with suppress(ProcessLookupError):  # it has ended, but where we were interrupted
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    try:
        problems, result = pickle.loads(data)  # our own words, from a child that is this very program
    except (EOFError, pickle.UnpicklingError):  # it ended before it said anything, or in the midst of it
        raise TemplateError.at(file, _death(status)) from None
    if problems:
        raise TemplateError(problems)
    return result  # type: ignore[no-any-return]


def _fork() -> int:
    with warnings.catch_warnings():  # of threads of numpy and the like, which the child has no use for
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _death(status: int) -> str:
    """Return what ended a child that did not say it."""
    ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if ended_by in _SLOW:
        return _TOO_SLOW
    return _TOO_DEEP if ended_by == signal.SIGSEGV else _TOO_LARGE


def _work(work: Callable[[], Result], writer: int, file: str) -> NoReturn:
    """Do the work and write what came out of it; then end without a trace of what this process was about to do."""
    try:
        _limit()
        data = pickle.dumps(_outcome(work, file))
        if len(data) > LARGEST:
            data = pickle.dumps(([Problem(file, _TOO_LARGE)], None))
        with open(writer, "wb") as pipe:
            pipe.write(data)
    finally:
        os._exit(0)


def _outcome(work: Callable[[], Result], file: str) -> tuple[list[Problem], Result | None]:
    try:
        return [], work()
    except TemplateError as error:
        return error.problems, None
    except MemoryError:
        return [Problem(file, _TOO_LARGE)], None
    except RecursionError:
        return [Problem(file, _TOO_DEEP)], None
    except Exception as error:  # what a parser says of something that it was not made for
        return [Problem(file, f"cannot be put together: {str(error) or type(error).__name__}")], None


def _limit() -> None:
    """Hold this process to the limits; its last words, such as those of a library without memory, are nobody's."""
    for number in _OURS:
        signal.signal(number, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    signal.setitimer(signal.ITIMER_REAL, _WAIT)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_CPU, CPU_SECONDS)
    used = _address_space()
    if used:
        _lower(resource.RLIMIT_AS, used + MEMORY)


def _lower(kind: int, wanted: int) -> None:
    """Lower a limit; one that is lower already, or that the system does not know, stays."""
    soft, hard = resource.getrlimit(kind)
    lower = [each for each in (soft, hard, wanted) if each != resource.RLIM_INFINITY]
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (min(lower), hard))


def _address_space() -> int:
    """Return the bytes of memory that this process has mapped; 0 where the system does not say."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    except OSError:
        return 0
    return int(pages) * resource.getpagesize()
