"""`mailflow preview --serve`: for this computer's browser only, anew when files changed, until it is stopped."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailflow.cli.main import run
from mailflow.workspace import Workspace

HELLO = '---\nsubject: "Tea"\n---\nHi {{ contact.first_name }}\n'


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Workspace:
    assert run(["init", str(tmp_path / "shop"), "--quiet"]) == 0
    shop = Workspace.at(tmp_path / "shop")
    (shop.templates / "hello.md").write_text(HELLO, encoding="utf-8")
    capsys.readouterr()
    return shop


@pytest.fixture
def server(shop: Workspace) -> Iterator[tuple[subprocess.Popen[str], int]]:
    words = ["preview", "hello", "--serve", "--workspace", str(shop.root), "--now", "2026-03-20T09:00Z"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mailflow", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address.startswith("http://127.0.0.1:"), process.stderr and process.stderr.read()
    yield process, int(address.rstrip("/").rpartition(":")[2])
    if process.poll() is None:
        process.terminate()
    process.communicate(timeout=120)


def ask(port: int, method: str = "GET", path: str = "/", **headers: str) -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())
    finally:
        connection.close()


def test_it_serves_the_page_anew_when_a_file_changed(
    shop: Workspace, server: tuple[subprocess.Popen[str], int]
) -> None:
    process, port = server
    status, page, headers = ask(port)
    assert status == 200
    assert "Hi Anna" in page
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"
    (shop.templates / "hello.md").write_text(HELLO.replace("Hi", "Servus"), encoding="utf-8")
    assert "Servus Anna" in ask(port)[1]
    (shop.templates / "hello.md").write_text(HELLO.replace("first_name", "frist_name"), encoding="utf-8")
    status, page, _ = ask(port)
    assert status == 500
    assert "templates/hello.md:4: there is no &#39;frist_name&#39; here (did you mean &#39;first_name&#39;?)" in page
    (shop.templates / "hello.md").unlink()
    assert "templates/hello: there is no hello.md" in ask(port)[1]
    (shop.templates / "hello.md").write_text(HELLO, encoding="utf-8")
    assert ask(port)[0] == 200
    assert process.poll() is None


def test_it_answers_nobody_else(server: tuple[subprocess.Popen[str], int]) -> None:
    _, port = server
    for host in ("evil.example", f"evil.example:{port}", f"127.0.0.1.evil.example:{port}", "127.0.0.1", ""):
        status, page, _ = ask(port, Host=host)
        assert (status, "Anna" in page) == (421, False), host
    assert ask(port, Host=f"localhost:{port}")[0] == 200
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "HEAD"):
        status, page, headers = ask(port, method)
        assert (status, headers["Allow"], "Anna" in page) == (405, "GET", False)
    assert ask(port, "BREW")[0] == 501
    assert ask(port, path="/etc/passwd")[0] == 404
    assert ask(port, path="/../mailflow.yaml")[0] == 404


def test_an_idle_connection_keeps_nobody_waiting(server: tuple[subprocess.Popen[str], int]) -> None:
    _, port = server
    idle = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    idle.connect()
    assert ask(port)[0] == 200
    idle.close()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_with_a_sentence(server: tuple[subprocess.Popen[str], int], how: signal.Signals) -> None:
    process, port = server
    assert ask(port)[0] == 200
    os.kill(process.pid, how)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0
    assert said.rstrip().endswith("Stopped.")
    assert "Traceback" not in said


def test_a_port_in_use_is_a_sentence(
    shop: Workspace, server: tuple[subprocess.Popen[str], int], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["preview", "hello", "--serve", "--port", str(server[1]), "--workspace", str(shop.root)]
    assert run(words) == 69
    assert f"port {server[1]} is in use: say another with --port" in capsys.readouterr().err


def test_what_is_not_there_is_said_before_anything_is_served(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["preview", "helo", "--serve", "--workspace", str(shop.root)]) == 78
    assert "did you mean 'hello'" in capsys.readouterr().err
    assert run(["preview", "hello", "--serve", "--for", "no@example.com", "--workspace", str(shop.root)]) == 2
    assert run(["preview", "hello", "--serve", "--eml", "--workspace", str(shop.root)]) == 2
    assert run(["preview", "hello", "--port", "8080", "--workspace", str(shop.root)]) == 2
    assert run(["preview", "hello", "--serve", "--port", "70000", "--workspace", str(shop.root)]) == 2
    assert run(["preview", "hello", "--pictures", "--workspace", str(shop.root)]) == 2
    assert "Traceback" not in capsys.readouterr().err
