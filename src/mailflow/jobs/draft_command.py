"""Ask a command that the owner names for a wording: text in, text out, limited in time and size. Drafts: drafts.py.

The command gets the template's text and what the brand says, nothing of any customer. What it may reach is the owner's
choice: mailflow itself opens no connection.
"""

from __future__ import annotations

import os
import selectors
import shlex
import signal
import subprocess
import tempfile
from contextlib import suppress
from typing import IO

from mailflow import clock
from mailflow.errors import UnavailableError, UsageError

MOST_BYTES = 256 * 1024
_TOLD = 300  # characters of what the command says on stderr
_CHUNK = 64 * 1024


def ask(command: str, prompt: str, *, seconds: float) -> str:
    """Return what a command says to a prompt; `UnavailableError` where it fails, takes too long or says too much.

    It is run without a shell, in a process group of its own that is ended with it.
    """
    words = _words(command)
    with tempfile.TemporaryFile() as question, tempfile.TemporaryFile() as trouble:
        question.write(prompt.encode("utf-8"))
        question.seek(0)
        try:
            process = subprocess.Popen(
                words, stdin=question, stdout=subprocess.PIPE, stderr=trouble, start_new_session=True
            )
        except OSError as error:
            raise UsageError(f"--with {words[0]!r} cannot be run: {error.strerror or error}") from None
        assert process.stdout is not None
        with process.stdout as pipe:
            try:
                answer = _read(pipe, deadline := clock.monotonic() + seconds)
                if len(answer) > MOST_BYTES:
                    raise UnavailableError(f"{words[0]} said more than {MOST_BYTES // 1024} KB, so it was ended")
                code = process.wait(timeout=max(deadline - clock.monotonic(), 0.1))
            except (TimeoutError, subprocess.TimeoutExpired):
                _end(process)
                raise UnavailableError(
                    f"{words[0]} did not answer within {seconds:g} s, so it was ended (--timeout)"
                ) from None
            except BaseException:
                _end(process)
                raise
        if code != 0:
            raise UnavailableError(f"{words[0]} ended with code {code}{_said(trouble)}")
    return answer.decode("utf-8", errors="replace")


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--with {command!r} is not a command: {error}") from None
    if not words:
        raise UsageError("--with needs a command, such as --with 'llm -m mistral'")
    return words


def _read(pipe: IO[bytes], deadline: float) -> bytes:
    """Return what comes until the end, a little more than the limit at most; `TimeoutError` when it takes too long."""
    found = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while len(found) <= MOST_BYTES:
            left = deadline - clock.monotonic()
            if left <= 0 or not selector.select(left):
                raise TimeoutError
            chunk = os.read(pipe.fileno(), _CHUNK)
            if not chunk:
                break
            found += chunk
    return bytes(found)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the command and whatever it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _said(trouble: IO[bytes]) -> str:
    trouble.seek(0)
    lines = trouble.read(_CHUNK).decode("utf-8", errors="replace").strip().splitlines()
    return f": {lines[-1][:_TOLD]}" if lines else ""
