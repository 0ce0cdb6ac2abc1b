"""Durable before the dot: the order of system calls of a process that sends, as strace saw it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from posting import Post, audit
from sink import Sink

PEOPLE = 50
TESTS = Path(__file__).parent

SENDER = """
import sys
from pathlib import Path
from posting import Post, relay
post = Post.at(Path(sys.argv[1]))
print(post.run(relay(int(sys.argv[2]), connections=int(sys.argv[3]), timeout=20, dot_timeout=20)).states)
"""

CALL = re.compile(r"(\d+) +(\w+)\((\d+)<([^>]*)>(.*)")
RESUMED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>")


@dataclass(frozen=True)
class Event:
    """What counts, in order: bytes sent to or read from a socket, and files of the database written or synced."""

    what: str  # sent | heard | written | synced
    where: str  # the socket or the file's name
    data: str = ""


def events_of(trace: str) -> Iterator[Event]:
    """Read strace's lines. A send counts from its start, a sync and what was heard from their end: the careful way."""
    begun: dict[str, tuple[str, str, str]] = {}
    for line in trace.splitlines():
        if match := CALL.match(line):
            pid, call, number, path, rest = match.groups()
            where = number if call in {"sendto", "recvfrom"} else Path(path).name
            if call == "sendto":
                yield Event("sent", where, rest)
            elif "<unfinished" in rest:
                begun[pid] = (call, where, rest)
            else:
                yield from _finished(call, where, rest)
        elif (match := RESUMED.match(line)) and match[1] in begun:
            call, where, _ = begun.pop(match[1])
            yield from _finished(call, where, line)


def _finished(call: str, where: str, rest: str) -> Iterator[Event]:
    if call == "recvfrom":
        yield Event("heard", where, rest)
    elif where.startswith("mailflow.db"):
        yield Event("synced" if call in {"fdatasync", "fsync"} else "written", where)


def durable_between(events: list[Event]) -> bool:
    """Whether a whole commit happened: the database, or its write-ahead log, written and synced after that."""
    kept = [event for event in events if event.what in {"written", "synced"}]
    for name in ("mailflow.db", "mailflow.db-wal"):
        written = [index for index, event in enumerate(kept) if event == Event("written", name)]
        if written and Event("synced", name) in kept[written[0] :]:
            journals = [event for event in kept[written[0] :] if event == Event("synced", "mailflow.db-journal")]
            return name.endswith("-wal") or bool(journals)  # a rollback journal commits when its end is synced
    return False


@pytest.mark.parametrize("connections", [1, 4])
def test_the_arming_is_on_disk_before_the_dot_goes_out(
    connections: int, tool: Callable[[str], str], mail_sink: Callable[..., Sink], tmp_path: Path
) -> None:
    sink = mail_sink()
    post = Post(tmp_path / "post", PEOPLE, size=8_000)
    post.close()
    strace = [tool("strace"), "-f", "-y", "-s", "48", "-o", str(tmp_path / "trace")]
    calls = ["-e", "trace=sendto,recvfrom,fdatasync,fsync,pwrite64"]
    sender = [sys.executable, "-c", SENDER, str(tmp_path / "post"), str(sink.port), str(connections)]
    subprocess.run([*strace, *calls, *sender], check=True, timeout=60, cwd=TESTS, capture_output=True)

    events = list(events_of((tmp_path / "trace").read_text(errors="replace")))
    dots = [index for index, event in enumerate(events) if event.what == "sent" and event.data.startswith(r', ".\r\n"')]
    assert len(dots) == PEOPLE
    durable = 0
    for dot in dots:
        own = [
            index for index in range(dot) if events[index].what == "sent" and events[index].where == events[dot].where
        ]
        body = own[-1]
        assert "Message-ID" in events[body].data
        durable += durable_between(events[body:dot])
    print(f"{durable} of {PEOPLE} dots came after the sync of their arming")
    assert durable == PEOPLE

    replies = [index for index, event in enumerate(events) if event.what == "heard" and "250 2.0.0 taken" in event.data]
    assert len(replies) == PEOPLE
    assert durable_between(events[replies[-1] :]), "the last outcome was not synced"
    again = Post.at(tmp_path / "post")
    audit(again, sink)
    assert set(again.states()) == {"accepted"}


def test_a_body_goes_out_before_its_arming_and_not_after_it(mail_sink: Callable[..., Sink], tmp_path: Path) -> None:
    """What is armed stands at its dot: a kill leaves as few doubts as there are connections."""
    sink = mail_sink()
    post = Post(tmp_path / "post", 10)
    seen: list[int] = []

    def count_armed() -> None:
        seen.append(post.store.db.execute("SELECT count(*) FROM messages WHERE state = 'armed'").fetchone()[0])

    from posting import relay

    post.run(relay(sink.port, connections=3), on_settled=count_armed)
    assert max(seen) <= 3
