"""A rehearsal's carrier: a Maildir folder, readable with any mail program and as plain files."""

from __future__ import annotations

import os
from pathlib import Path

from mailflow.delivery.replies import Reply, Stage
from mailflow.store.contents import Content


def file_name(message_id: int) -> str:
    """Return the name of the file that a message becomes."""
    return f"{message_id:08d}.mailflow.eml"


class MaildirCarrier:
    """Delivers into `folder`; a message is a file in its `new/`, named by the message's number."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._draft: Path | None = None
        self._target: Path | None = None

    async def open(self) -> None:
        for part in ("tmp", "new", "cur"):
            (self.folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)

    async def offer(self, content: Content) -> Reply | None:
        name = file_name(content.message_id)
        self._draft, self._target = self.folder / "tmp" / name, self.folder / "new" / name
        descriptor = os.open(self._draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.data)
        return None

    async def finish(self) -> Reply:
        assert self._draft is not None
        assert self._target is not None
        os.replace(self._draft, self._target)
        return Reply(Stage.DOT, 250, f"rehearsed into {self._target.name}")

    async def close(self) -> None:
        if self._draft is not None:
            self._draft.unlink(missing_ok=True)
