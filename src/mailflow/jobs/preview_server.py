"""Serve a page to this computer's own browser, made anew when its files have changed. What is on it: preview.py."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any

from mailflow.errors import MailflowError, UnavailableError
from mailflow.reports import preview_page
from mailflow.workspace import DATABASE_FILE, Workspace

HOST = "127.0.0.1"
_PATIENCE = 10  # seconds for a request that does not come to its end
_FOLDERS = ("templates", "campaigns")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",  # the page has the rest of its own, for its frames too
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

Make = Callable[[Workspace], str]
_Stamp = tuple[tuple[str, int, int], ...]


class Pages:
    """Makes the page of a workspace: again only where one of its files is another than when it was made."""

    def __init__(self, root: Path, name: str, make: Make) -> None:
        self._root = root
        self._name = name
        self._make = make
        self._lock = Lock()
        self._kept: tuple[_Stamp, HTTPStatus, bytes] | None = None

    def page(self) -> tuple[HTTPStatus, bytes]:
        """Return the page; for files with mistakes one that says where they are."""
        with self._lock:
            stamp = _stamp(self._root)
            if self._kept is None or self._kept[0] != stamp:
                self._kept = (stamp, *self._made())
            return self._kept[1:]

    def _made(self) -> tuple[HTTPStatus, bytes]:
        try:
            workspace = Workspace.at(self._root)  # its settings may be what changed
            try:
                return HTTPStatus.OK, self._make(workspace).encode("utf-8", "replace")
            finally:
                workspace.store.close()
        except MailflowError as error:
            return HTTPStatus.INTERNAL_SERVER_ERROR, preview_page.render_error(self._name, error).encode("utf-8")


def _stamp(root: Path) -> _Stamp:
    """Return what tells whether a file of a workspace changed that a message is made of."""
    found = []
    for path in sorted(_files(root)):
        try:
            status = path.stat()
        except OSError:
            continue  # it went meanwhile
        found.append((str(path), status.st_mtime_ns, status.st_size))
    return tuple(found)


def _files(root: Path) -> Iterable[Path]:
    for folder in _FOLDERS:
        yield from (path for path in (root / folder).rglob("*") if path.is_file())
    yield from (path for pattern in ("*.yaml", "*.yml", "*.csv") for path in root.glob(pattern))
    yield from root.glob(f"{DATABASE_FILE}*")


class Server(ThreadingHTTPServer):
    """Answers one address with one page. A browser keeps connections open in advance: each has a thread."""

    daemon_threads = True

    def __init__(self, pages: Pages, port: int = 0) -> None:
        """Take a port of this computer, a free one for 0; `UnavailableError` where it is not to be had."""
        self.pages = pages
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise UnavailableError(_why(error, port)) from None
        self.hosts = {f"{name}:{self.server_port}" for name in (HOST, "localhost")}

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{HOST}:{self.server_port}/"


def _why(error: OSError, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use: say another with --port, or leave it out for a free one"
    if error.errno == errno.EACCES:
        return f"port {port} is not for everybody: say one over 1023 with --port, or leave it out for a free one"
    return f"port {port}: {error.strerror or error}"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = _PATIENCE
    server_version = "mailflow"
    sys_version = ""

    def do_GET(self) -> None:
        # A page of somebody else's whose name was made to lead here asks under that name (DNS rebinding).
        if self.headers.get("Host", "").lower() not in self.server.hosts:
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, b"This address serves only the browser of this computer.\n")
        elif self.path.partition("?")[0] != "/":
            self._answer(HTTPStatus.NOT_FOUND, b"There is one page here: /\n")
        else:
            self._answer(*self.server.pages.page(), kind="text/html")

    def _only_get(self) -> None:
        self.close_connection = True  # whatever else was sent with it is not read
        self._answer(HTTPStatus.METHOD_NOT_ALLOWED, b"Only GET.\n", Allow="GET")

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_TRACE = do_CONNECT = _only_get

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Say what is wrong with a request in a word, without a page that repeats it."""
        self.close_connection = True
        self._answer(HTTPStatus(code), f"{HTTPStatus(code).phrase}\n".encode())

    def _answer(self, status: HTTPStatus, body: bytes, *, kind: str = "text/plain", **headers: str) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a terminal is for what went wrong."""
