"""What all tests share: real peers on loopback, and the data and Debian parts that a machine may lack.

Where such a part is missing its tests are skipped with a clear word; in CI, where it must be there, they fail.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import hypothesis
import pytest

import hostile
import sink
from sink import Sink

# Who runs the tests may ignore Ctrl-C, as a shell's background jobs do; what the tests start must not inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long one example takes says more of what else the machine does than of us.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

ROOT = Path(__file__).parents[1]
SYSTEM_FOLDERS = "/usr/sbin:/sbin"  # where Debian puts smtp-sink, off the path of ordinary users


def _missing(what: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"{what}; CI must have it")
    pytest.skip(what)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data that lies beside the clone, when it does."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        _missing(f"no shared test data in {folder}")
    return folder


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """Return a function that gives the path of a system's program by its name."""

    def find(name: str) -> str:
        path = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_FOLDERS}")
        if path is None:
            _missing(f"the program {name} is not installed")
        return path

    return find


@pytest.fixture(scope="session")
def hostile_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace of people whose every field is made to break out, who all got a letter; only to be read."""
    return hostile.make_shop(tmp_path_factory.mktemp("hostile") / "shop")


@pytest.fixture
def mail_sink(tmp_path: Path) -> Iterator[Callable[..., Sink]]:
    """Return a function that starts a `sink.Sink`: `mail_sink(*faults, starttls=True, …)`."""
    started: list[Sink] = []

    def begin(*faults: sink.Fault, **options: object) -> Sink:
        started.append(sink.start(tmp_path / f"sink-{len(started)}", *faults, **options))
        return started[-1]

    yield begin
    for each in started:
        each.stop()


@pytest.fixture
def postfix_sink(tool: Callable[[str], str], tmp_path: Path) -> Iterator[Callable[..., int]]:
    """Return a function that starts Postfix's smtp-sink with further options and gives its port."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(*options: str) -> int:
        port = free_port()
        as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
        command = [tool("smtp-sink"), *as_nobody, *options, f"127.0.0.1:{port}", "100"]
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=tmp_path))
        wait_for_port(port)
        return port

    yield begin
    for process in started:
        process.terminate()
        process.wait(timeout=60)


@dataclass(frozen=True)
class Certificate:
    """A certificate for localhost and 127.0.0.1 that signs itself, and its key."""

    certificate: Path
    key: Path


@pytest.fixture(scope="session")
def loopback_certificate(tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a certificate for loopback; a client trusts it when SSL_CERT_FILE names it."""
    folder = tmp_path_factory.mktemp("tls")
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    request = [tool("openssl"), "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", names]
    key_kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    files = ["-keyout", str(made.key), "-out", str(made.certificate)]
    subprocess.run([*request, *key_kind, *files], check=True, capture_output=True)
    return made


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, seconds: float = 10.0) -> None:
    """Wait until somebody listens on the port."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port} after {seconds:.0f} s")
