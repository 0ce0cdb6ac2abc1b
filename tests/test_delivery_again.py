"""A message that was skipped at the last moment and is planned again: which bytes it goes out with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mailflow import clock
from mailflow.cli.main import run
from mailflow.store import contents, messages
from mailflow.workspace import Workspace
from posting import make_shop, states_of
from sink import Fault, Sink


def skip(shop: Workspace) -> None:
    """Skip the only message, as arming does when a cap is met, and have it looked at again at once."""
    now = clock.to_ms(clock.now())
    with shop.store.transaction() as tx:
        messages.refuse(tx, [(1, "cap_day")], at=now, again_at=now)
    assert states_of(shop) == {"skipped": 1}


@pytest.mark.parametrize(("at", "same_bytes"), [("DOT", True), ("RCPT", False)])
def test_bytes_that_a_relay_saw_go_out_again_and_others_are_made_anew(
    mail_sink: Callable[..., Sink], tmp_path: Path, at: str, same_bytes: bool
) -> None:
    sink = mail_sink(Fault(at, "reply", text="451 4.3.0 not now", times=1), keep_bodies=True)
    settings = f"{{host: 127.0.0.1, port: {sink.port}, tls: none, connections: 1}}"
    shop = make_shop(tmp_path / "shop", settings, 1)
    where = ["--workspace", str(shop.root), "--quiet"]
    assert run(["send", "hello", "--yes", *where]) == 0
    assert states_of(shop) == {"deferred": 1}
    frozen = contents.get(shop.store.db, 1)
    assert frozen is not None
    skip(shop)
    assert (contents.get(shop.store.db, 1) is not None) == same_bytes
    template = shop.templates / "hello.md"
    template.write_text(template.read_text(encoding="utf-8") + "\nNew words.\n", encoding="utf-8")
    assert run(["send", "hello", "--yes", *where]) == 0
    assert run(["run", *where]) == 0
    assert states_of(shop) == {"accepted": 1}
    assert len(sink.accepted()) == 1
    assert (sink.bodies() == [frozen.data]) == same_bytes
    assert (b"New words" in sink.bodies()[0]) != same_bytes
