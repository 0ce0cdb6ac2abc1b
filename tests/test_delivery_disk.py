"""The disk fills up, fails or is busy at the Nth database call: nothing is lost, nobody gets a second copy."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import sink as sink_module
from mailflow.cli import main
from mailflow.store import Store
from posting import Post, audit, relay
from sink import Plan, Sink

PEOPLE = 5
CONNECTIONS = 2
CALLS = range(1, 61)
FAILURES = {
    "database or disk is full": 69,
    "disk I/O error": 69,
    "database is locked": 75,
}


class FailingConnection:
    """A connection whose Nth call raises, once or from then on; ROLLBACK works, as it needs no space."""

    def __init__(self, db: sqlite3.Connection, at: int, text: str, *, lasting: bool) -> None:
        self._db, self._at, self._text, self._lasting = db, at, text, lasting
        self.calls = 0

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        self._count(sql)
        return self._db.execute(sql, *parameters)

    def executemany(self, sql: str, rows: Any) -> sqlite3.Cursor:
        self._count(sql)
        return self._db.executemany(sql, rows)

    def _count(self, sql: str) -> None:
        if sql == "ROLLBACK":
            return
        self.calls += 1
        if self.calls == self._at or (self._lasting and self.calls > self._at):
            raise sqlite3.OperationalError(self._text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)


class FailingStore(Store):
    """A store that hands the ledger a connection which fails."""

    def __init__(self, real: Store, at: int, text: str, *, lasting: bool) -> None:
        self._failing = FailingConnection(real.again().db, at, text, lasting=lasting)
        super().__init__(real.path, self._failing)  # type: ignore[arg-type]

    def again(self) -> Store:
        return self

    @property
    def calls(self) -> int:
        return self._failing.calls


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Post:
    post = Post(tmp_path_factory.mktemp("pattern") / "post", PEOPLE)
    post.close()
    return post


def failure_of(work: Callable[[], object]) -> sqlite3.OperationalError | None:
    """Return what the database said to some work, or None."""
    try:
        work()
    except sqlite3.OperationalError as error:
        return error
    return None


@pytest.fixture(scope="module")
def sinks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Sink]]:
    """Return a sink for every call that fails, all in one process."""
    folder = tmp_path_factory.mktemp("sinks")
    started = sink_module.start_all([Plan(folder=str(folder / str(at))) for at in CALLS])
    yield dict(zip(CALLS, started, strict=True))
    started[0].stop()


@pytest.mark.parametrize("at", CALLS)
def test_a_database_call_that_fails_loses_and_doubles_nobody(
    at: int, pattern: Post, sinks: dict[int, Sink], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, code = list(FAILURES.items())[at % len(FAILURES)]
    lasting = at % 2 == 0
    sink = sinks[at]
    post = Post.copy_of(pattern, tmp_path / "post")
    settings = relay(sink.port, connections=CONNECTIONS)
    store = FailingStore(post.store, at, text, lasting=lasting)
    failure = failure_of(lambda: post.run(settings, store=store))
    if failure is None:
        assert store.calls < at, "the failure was swallowed"
    else:
        assert main._report(failure) == code
        assert "internal error" not in capsys.readouterr().err

    assert set(sink.copies().values()) <= {1}
    post.run(settings)
    audit(post, sink)
    states = post.states()
    assert set(states) <= {"accepted", "in_doubt"}
    assert states.count("in_doubt") <= CONNECTIONS
    assert post.suppressions() == []
    post.close()


def test_what_the_relay_answered_is_recorded_when_the_failure_is_over(
    pattern: Post, mail_sink: Callable[..., Sink], tmp_path: Path
) -> None:
    sink = mail_sink()
    doubts = {}
    for lasting in (False, True):
        doubts[lasting] = 0
        for at in range(8, 40, 3):
            post = Post.copy_of(pattern, tmp_path / f"post-{at}-{lasting}")
            store = FailingStore(post.store, at, "disk I/O error", lasting=lasting)
            with pytest.raises(sqlite3.OperationalError):
                post.run(relay(sink.port, connections=1), store=store)
            doubts[lasting] += post.states().count("armed")
            post.close()
    assert doubts[False] < doubts[True]
