"""An SMTP server in a process of its own that counts what it took and fails on demand: the witness of delivery tests.

It shares no code with mailflow. Run as a program it serves; imported it gives tests a `Fault`, `start` and a `Sink`.
A message counts once its final dot was answered, or would have been: its line in `accepted` is written before the reply
goes out, so a lost reply still leaves the witness.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import ssl
import subprocess
import sys
from base64 import b64decode
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
BODY_LIMIT = 64 * 1024 * 1024
RELEASED = "released"
GARBAGE = b"\x00\xffnot a reply\r\n"


@dataclass(frozen=True)
class Fault:
    """One way to fail, at one point of the dialogue.

    `at`: CONNECT EHLO STARTTLS AUTH MAIL RCPT DATA BODY DOT RSET QUIT, or UNKNOWN for a line that is no command; BODY
    is after the message's first bytes, and a reply there leaves the rest of it to be read as commands.
    `action`: `reply` (with `text`, such as "451 4.7.1 later", after `seconds`), `drop`, `hang`, `garbage`, `delay`
    (by `seconds`, then as usual), or `wait` (until `Sink.release`, then as usual). `match` limits it to command lines,
    or at DOT to recipients, that contain the text. Of the occurrences that match, the first `skip` are spared, at most
    `times` are hit, and each only with probability `share`. With `keep` a message whose dot is hit counts as taken all
    the same: the reply is what gets lost.
    """

    at: str
    action: str
    text: str = ""
    seconds: float = 0.0
    match: str = ""
    skip: int = 0
    times: int | None = None
    share: float = 1.0
    keep: bool = False

    @property
    def goes_on(self) -> bool:
        """Whether the usual answer comes all the same, later."""
        return self.action in {"delay", "wait"}


@dataclass(frozen=True)
class Plan:
    """How one sink behaves; travels to its process as JSON."""

    folder: str
    faults: list[Fault] = field(default_factory=list)
    starttls: bool = False
    implicit_tls: bool = False
    certificate: str = ""
    key: str = ""
    password: str = ""
    pipelining: bool = True
    size: int = 64 * 1024 * 1024
    keep_bodies: bool = False
    seed: int = 0


class Sink:
    """A running sink, seen from the test."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.folder = folder
        assert process.stdout is not None
        self.port = int(process.stdout.readline())  # one line for each plan of the process, in order

    def accepted(self) -> list[tuple[str, str]]:
        """Return (Message-ID, recipient) of every message taken so far, in order, copies included."""
        lines = (self.folder / "accepted").read_text(encoding="utf-8").splitlines()
        return [(line.split("\t")[0], line.split("\t")[1]) for line in lines]

    def copies(self) -> Counter[str]:
        """Return how often each Message-ID was taken."""
        return Counter(message_id for message_id, _ in self.accepted())

    def commands(self) -> list[str]:
        """Return every command line received, in order; TLS and connections show as `(connected)` and `(tls)`."""
        return (self.folder / "commands").read_text(encoding="utf-8").splitlines()

    def bodies(self) -> list[bytes]:
        """Return the messages' bytes as received, dots unstuffed; only with `keep_bodies`."""
        return [path.read_bytes() for path in sorted(self.folder.glob("*.eml"))]

    def release(self) -> None:
        """Let everything go on that waits, and whatever comes later."""
        (self.folder / RELEASED).touch()

    def stop(self) -> None:
        """End the process; what it wrote stays."""
        self.process.terminate()
        self.process.wait(timeout=60)
        if self.process.stdout is not None:
            self.process.stdout.close()


def start(folder: Path, *faults: Fault, **options: Any) -> Sink:
    """Start a sink on a free loopback port; `options` are the fields of `Plan`."""
    return start_all([Plan(folder=str(folder), faults=list(faults), **options)])[0]


def start_all(plans: list[Plan]) -> list[Sink]:
    """Start one process with a sink for each plan; stopping one of them stops all."""
    for plan in plans:
        Path(plan.folder).mkdir(parents=True, exist_ok=True)
    arguments = [json.dumps(asdict(plan)) for plan in plans]
    process = subprocess.Popen(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    return [Sink(process, Path(plan.folder)) for plan in plans]


# --- the server ------------------------------------------------------------------------------------------------------


class Dropped(Exception):
    """This connection ends here, by a fault or because the client left."""


class Recorder:
    """The files a sink writes: appended with one write each, so that nothing is half there when the sink is killed."""

    def __init__(self, folder: Path, *, keep_bodies: bool) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._accepted = os.open(folder / "accepted", flags, 0o600)
        self._commands = os.open(folder / "commands", flags, 0o600)
        self._folder = folder if keep_bodies else None
        self._count = 0

    def command(self, line: str) -> None:
        os.write(self._commands, f"{line}\n".encode(errors="replace"))

    def message(self, body: bytes, recipients: list[str]) -> None:
        found = MESSAGE_ID.search(body)
        message_id = found[1].decode(errors="replace") if found else "(none)"
        os.write(self._accepted, "".join(f"{message_id}\t{to}\n" for to in recipients).encode())
        self._count += 1
        if self._folder is not None:
            (self._folder / f"{self._count:06}.eml").write_bytes(body)


class Faults:
    """Decides whether a fault strikes now."""

    def __init__(self, faults: list[Fault], seed: int) -> None:
        self._faults = faults
        self._dice = random.Random(seed)
        self._seen = [0] * len(faults)
        self._hit = [0] * len(faults)

    def strike(self, at: str, text: str) -> Fault | None:
        """Return the first fault that hits this point."""
        for number, fault in enumerate(self._faults):
            if fault.at != at or fault.match not in text:
                continue
            self._seen[number] += 1
            spent = fault.times is not None and self._hit[number] >= fault.times
            if spent or self._seen[number] <= fault.skip or self._dice.random() >= fault.share:
                continue
            self._hit[number] += 1
            return fault
        return None


class Dialogue:
    """One connection."""

    def __init__(
        self,
        plan: Plan,
        faults: Faults,
        recorder: Recorder,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.plan, self.faults, self.recorder = plan, faults, recorder
        self.reader, self.writer = reader, writer
        self.recipients: list[str] = []
        self.encrypted = plan.implicit_tls

    async def run(self) -> None:
        """Serve until the client leaves or a fault ends it."""
        self.recorder.command("(connected)")
        try:
            if await self._passes("CONNECT", ""):
                await self._reply("220 sink.example ESMTP")
            while line := await self.reader.readline():
                await self._serve(line.decode(errors="replace").rstrip("\r\n"))
        except (Dropped, ConnectionError, asyncio.IncompleteReadError):
            pass  # how the client left is its own business; what it got done is in the files
        finally:
            self.writer.close()

    async def _serve(self, line: str) -> None:
        self.recorder.command(line)
        verb = line.split(" ", 1)[0].upper()
        handler = getattr(self, f"_on_{verb.lower()}", None)
        if handler is None:
            if await self._passes("UNKNOWN", line):
                await self._reply("502 5.5.1 unknown command")
        elif await self._passes("EHLO" if verb == "HELO" else verb, line):
            await handler(line)

    async def _passes(self, at: str, text: str) -> bool:
        """Let a fault strike; True when the usual answer is still to come."""
        fault = self.faults.strike(at, text)
        if fault is None:
            return True
        if fault.goes_on:
            await self._hold(fault)
            return True
        if fault.action == "hang":
            await asyncio.sleep(fault.seconds or 3600)
        if fault.action in {"drop", "hang"}:
            self.writer.transport.abort()
            raise Dropped
        if fault.action == "garbage":
            self.writer.write(GARBAGE)
            await self.writer.drain()
        else:
            await asyncio.sleep(fault.seconds)
            await self._reply(fault.text)
            if fault.text.startswith("421"):
                raise Dropped
        return False

    async def _hold(self, fault: Fault) -> None:
        """Wait as long as a fault says that goes on as usual afterwards."""
        await asyncio.sleep(fault.seconds)
        while fault.action == "wait" and not (Path(self.plan.folder) / RELEASED).exists():
            await asyncio.sleep(0.01)

    async def _reply(self, *lines: str) -> None:
        *first, last = lines
        text = "".join(f"{line[:3]}-{line[4:]}\r\n" for line in first) + f"{last}\r\n"
        self.writer.write(text.encode())
        await self.writer.drain()

    async def _on_ehlo(self, _line: str) -> None:
        offers = ["250 sink.example", "250 8BITMIME", "250 SMTPUTF8", "250 ENHANCEDSTATUSCODES"]
        if self.plan.pipelining:
            offers.append("250 PIPELINING")
        if self.plan.starttls and not self.encrypted:
            offers.append("250 STARTTLS")
        if self.plan.password:
            offers.append("250 AUTH PLAIN LOGIN")
        await self._reply(*offers, f"250 SIZE {self.plan.size}")

    _on_helo = _on_ehlo

    async def _on_starttls(self, _line: str) -> None:
        await self._reply("220 2.0.0 go ahead")
        await self.writer.start_tls(_tls(self.plan))
        self.encrypted = True
        self.recorder.command("(tls)")

    async def _on_auth(self, line: str) -> None:
        _, mechanism, *initial = line.split(" ")
        if mechanism.upper() == "LOGIN":
            if not initial:
                await self._ask("VXNlcm5hbWU6")
            secret = b64decode(await self._ask("UGFzc3dvcmQ6")).decode()
        else:
            answer = initial[0] if initial else await self._ask("")
            secret = b64decode(answer).decode().split("\0")[-1]
        await self._reply("235 2.7.0 welcome" if secret == self.plan.password else "535 5.7.8 wrong password")

    async def _ask(self, question: str) -> str:
        await self._reply(f"334 {question}")
        return (await self.reader.readline()).decode().strip()

    async def _on_mail(self, _line: str) -> None:
        self.recipients = []
        await self._reply("250 2.1.0 ok")

    async def _on_rcpt(self, line: str) -> None:
        self.recipients.append(line[line.find("<") + 1 : line.rfind(">")])
        await self._reply("250 2.1.5 ok")

    async def _on_data(self, _line: str) -> None:
        if not self.recipients:
            await self._reply("503 5.5.1 nobody to take it")
            return
        await self._reply("354 go on")
        if not await self._passes("BODY", await self._peek()):
            return
        body = await self.reader.readuntil(b"\r\n.\r\n")
        await self._on_dot(self._first + body[:-3])

    async def _peek(self) -> str:
        self._first = await self.reader.readexactly(1)
        return ",".join(self.recipients)

    async def _on_dot(self, stuffed: bytes) -> None:
        to = ",".join(self.recipients)
        body = stuffed.replace(b"\r\n..", b"\r\n.")
        fault = self.faults.strike("DOT", to)
        taken = fault is None or fault.keep or fault.goes_on or fault.text.startswith("2")
        if fault is not None and fault.goes_on:
            await self._hold(fault)
        if taken:
            self.recorder.message(body, self.recipients)
        self.recipients = []
        if fault is None or fault.goes_on:
            await self._reply("250 2.0.0 taken")
        else:
            await self._fail_at_dot(fault)

    async def _fail_at_dot(self, fault: Fault) -> None:
        if fault.action == "garbage":
            self.writer.write(GARBAGE)
            await self.writer.drain()
        elif fault.action == "reply":
            await self._reply(fault.text)
            if fault.text.startswith("421"):
                raise Dropped
        else:
            if fault.action == "hang":
                await asyncio.sleep(fault.seconds or 3600)
            self.writer.transport.abort()
            raise Dropped

    async def _on_rset(self, _line: str) -> None:
        self.recipients = []
        await self._reply("250 2.0.0 ok")

    async def _on_noop(self, _line: str) -> None:
        await self._reply("250 2.0.0 ok")

    async def _on_quit(self, _line: str) -> None:
        await self._reply("221 2.0.0 bye")
        raise Dropped


_SERVERS: list[asyncio.Server] = []  # kept, as asyncio ends a server that nobody holds


def _tls(plan: Plan) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(plan.certificate, plan.key)
    return context


async def _listen(plan: Plan) -> int:
    """Serve one plan, and return its port."""
    faults = Faults(plan.faults, plan.seed)
    recorder = Recorder(Path(plan.folder), keep_bodies=plan.keep_bodies)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Dialogue(plan, faults, recorder, reader, writer).run()

    tls = _tls(plan) if plan.implicit_tls else None
    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=BODY_LIMIT, ssl=tls)
    _SERVERS.append(server)
    return int(server.sockets[0].getsockname()[1])


async def _serve(plans: list[Plan]) -> None:
    for port in [await _listen(plan) for plan in plans]:
        print(port, flush=True)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    os._exit(0)  # connections that hang on purpose are not waited for


if __name__ == "__main__":
    documents = [json.loads(argument) for argument in sys.argv[1:]]
    asyncio.run(
        _serve([Plan(**{**each, "faults": [Fault(**fault) for fault in each["faults"]]}) for each in documents])
    )
