"""Nothing outside the workspace gets into a mail, and no path makes mailflow hang: each ends in words, at once."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from mailflow import templates
from mailflow.config import Settings
from mailflow.config.files import Unreadable, inside, is_file, lines, read
from mailflow.config.rates import load_rates
from mailflow.config.yaml_files import read_yaml
from mailflow.errors import ProblemsError
from mailflow.offers import pool
from mailflow.offers.offer import Offers
from mailflow.outbox.days import Days
from mailflow.places.tables import COLUMNS, Table
from mailflow.templates import TemplateError, translations
from mailflow.templates.linking import How
from mailflow.templates.source import Files

SETTINGS = Settings.model_validate(
    {
        "name": "Quitte",
        "sender": {"name": "Quitte", "email": "hello@quitte.example"},
        "currency": "EUR",
        "timezone": "Europe/Vienna",
    }
)
SECRET = "c4n4ry-of-somebody-else"
HEAD = '---\nsubject: "x"\n'
PNG = b"\x89PNG\r\n\x1a\n" + SECRET.encode()


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    """End a test that waits for a pipe or reads a device for ever."""

    def stop(*_: object) -> None:
        raise TimeoutError("this path makes mailflow hang")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(3)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace with a secret beside it, and ways to it: links, a pipe, a device, a folder where a file should be."""
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in ("secret.md", "secret.html", "secret.csv", "secret.txt", "secret.yaml"):
        (outside / name).write_text(f"{SECRET}\n")
    (outside / "secret.png").write_bytes(PNG)
    root = tmp_path / "shop"
    for folder in ("templates/blocks", "templates/layouts", "templates/assets", "codes", "context", ".mailflow"):
        (root / folder).mkdir(parents=True)
    (root / ".mailflow" / "key.txt").write_text(SECRET)
    for place in (root / "templates" / "blocks", root / "templates" / "assets", root / "codes", root):
        for end in ("md", "html", "csv", "txt", "png"):
            (place / f"link.{end}").symlink_to(outside / f"secret.{end}")
            (place / f"device.{end}").symlink_to("/dev/zero")
            (place / f"circle.{end}").symlink_to(place / f"circle.{end}")
            (place / f"dangling.{end}").symlink_to(place / "nowhere")
            os.mkfifo(place / f"pipe.{end}")
            (place / f"folder.{end}").mkdir()
        (place / "linked").symlink_to(outside)
    (root / "own.txt").symlink_to(root / ".mailflow" / "key.txt")
    return root


def _names(end: str) -> list[str]:
    """Return paths that lead out, hang, or name no file, for a kind of file."""
    return [
        f"../outside/secret.{end}",
        f"../../outside/secret.{end}",
        f"x/../../../outside/secret.{end}",
        f"./../../../outside/secret.{end}",
        f"/etc/../outside/secret.{end}",
        "/etc/passwd",
        "//etc/passwd",
        f"~/secret.{end}",
        f"~root/secret.{end}",
        f"linked/secret.{end}",
        f"link.{end}",
        f"device.{end}",
        f"pipe.{end}",
        f"circle.{end}",
        f"dangling.{end}",
        f"folder.{end}",
        f"..\\outside\\secret.{end}",
        f"C:\\outside\\secret.{end}",
        f"C:/outside/secret.{end}",
        f"\\\\server\\share\\secret.{end}",
        f"%2e%2e/%2e%2e/outside/secret.{end}",
        f"..%2foutside%2fsecret.{end}",
        f"%252e%252e/outside/secret.{end}",
        f"\u2024\u2024/outside/secret.{end}",
        f"\uff0e\uff0e/outside/secret.{end}",
        f".\u200b./outside/secret.{end}",
        f"..;/outside/secret.{end}",
        f"....//outside/secret.{end}",
        f"LINK.{end.upper()}",
        f"{'a' * 300}.{end}",
        f"{'a/' * 3000}a.{end}",
        f"a.{end}/",
        f" link.{end}",
        "$HOME/secret",
        "${HOME}/secret",
        "file:///etc/passwd",
        "/dev/stdin",
        "/dev/zero",
        "/proc/self/environ",
        ".mailflow/key.txt",
        "own.txt",
    ]


def _each(end: str) -> Iterator[str]:
    """Yield the paths, each with 3 s of its own."""
    for name in _names(end):
        signal.alarm(3)
        yield name


def assert_refused(root: Path, text: str, end: str = "md", how: How | None = None) -> None:
    """Hold that a template is refused with its place, in a message that shows nothing of what is outside."""
    (root / "templates" / f"mail.{end}").write_text(text)
    with pytest.raises(TemplateError) as caught:
        templates.load(root / "templates", "mail", how)
    said = str(caught.value)
    assert said.startswith("templates/mail.")
    assert SECRET not in said
    assert len(said) < 2500


def test_an_include_stays_inside(root: Path) -> None:
    for name in _each("md"):
        written = f"blocks/{name}" if name[:1].isalpha() else name
        assert_refused(root, HEAD + '---\n{% include "' + written.replace("\\", "\\\\") + '" %}\n')


@pytest.mark.parametrize(
    "name", [name for name in _names("html") if "\n" not in name], ids=lambda name: ascii(name)[:40]
)
def test_a_layout_stays_inside(root: Path, name: str) -> None:
    written = name.removesuffix(".html").replace("'", "''")
    assert_refused(root, f"{HEAD}layout: '{written}'\n---\nx\n")


@pytest.mark.parametrize("statement", ["extends", "import", "from", "block"])
def test_no_other_statement_reads_a_file(root: Path, statement: str) -> None:
    ending = {"import": " as x", "from": " import x"}.get(statement, "")
    assert_refused(root, HEAD + "---\n{% " + statement + ' "blocks/link.md"' + ending + " %}\n")


def test_an_attachment_stays_inside(root: Path) -> None:
    for name in _each("txt"):
        written = name.replace("\\", "\\\\").replace("\n", "\\n")
        assert_refused(root, f'{HEAD}attachments: ["{written}"]\n---\nx\n')


@pytest.mark.parametrize("how", [How(embed=True), How(asset_url="https://shop.example/a")], ids=["embedded", "online"])
def test_a_picture_stays_inside(root: Path, how: How) -> None:
    for name in _each("png"):
        if not name.startswith(("/", "C:", "file:")):
            assert_refused(root, f'{HEAD}---\n<img alt="" src="{name}">', "html", how)


@pytest.mark.parametrize("name", ["/etc/passwd", "C:/outside/secret.png", "file:///etc/passwd", "/dev/zero"])
def test_a_picture_that_is_a_place_of_the_web_is_no_file_of_ours(root: Path, name: str) -> None:
    (root / "templates" / "mail.html").write_text(f'{HEAD}---\n<img src="{name}">')
    made = templates.load(root / "templates", "mail", How(embed=True))
    assert f'src="{name}"' in made.html_source
    assert "cid:" not in made.html_source


def test_a_pool_of_codes_stays_inside(root: Path) -> None:
    for name in _each("csv"):
        path = name if name[0] in "/~$" else f"codes/{name}"
        (root / "offers.yaml").write_text("spring:\n  value: 10%\n  codes: '" + path + "'\n")
        with pytest.raises(ProblemsError) as caught:
            pool.check_file(root, Offers.open(root, SETTINGS).get("spring"))
        assert str(caught.value).startswith("offers.yaml:"), name
        assert SECRET not in str(caught.value), name


WAYS = ["link", "device", "circle", "dangling", "pipe", "folder"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["brand.yaml", "rates.csv", "context.csv", "context/weather.csv", "stores.csv"])
def test_a_file_that_mailflow_looks_for_is_a_file_of_the_workspace(root: Path, name: str, way: str) -> None:
    (root / name).symlink_to(root / f"{way}.csv")
    if way in ("pipe", "folder"):
        (root / name).unlink()
        (root / f"{way}.csv").rename(root / name)
    readers = {"brand.yaml": _brand, "rates.csv": load_rates, "context.csv": _days, "stores.csv": _stores}
    with pytest.raises(ProblemsError) as caught:
        readers.get(name, _days)(root / name)
    assert str(caught.value).startswith(name)
    assert SECRET not in str(caught.value)


def _brand(path: Path) -> object:
    return Files(path.parent / "templates").brand


def _days(path: Path) -> object:
    root = path.parent.parent if path.parent.name == "context" else path.parent
    return Days(root, "Europe/Vienna").check(date(2026, 4, 1))


def _stores(path: Path) -> object:
    return list(Table(path, COLUMNS).lines())


@pytest.mark.parametrize("way", WAYS)
def test_a_translation_is_a_file_of_the_workspace(root: Path, way: str) -> None:
    (root / "templates" / "mail.md").write_text(f"{HEAD}---\nx\n")
    (root / "templates" / "mail.de.md").symlink_to(root / "templates" / "blocks" / f"{way}.md")
    translations.missing(root / "templates", ["de"])
    if way == "link":
        with pytest.raises(TemplateError, match=r"^templates/mail\.de\.md: .* leads out of the folder templates/"):
            templates.load(root / "templates", "mail")
    else:
        assert templates.load(root / "templates", "mail").translations == {}


def test_a_context_folder_that_is_a_link_isassert_refused(root: Path, tmp_path: Path) -> None:
    (root / "context").rmdir()
    (root / "context").symlink_to(tmp_path / "outside")
    with pytest.raises(ProblemsError, match=r"context/secret\.csv: leads out of the workspace"):
        _days(root / "context.csv")


def test_a_file_that_grows_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "growing.txt"
    path.write_bytes(b"x" * 100)
    with pytest.raises(Unreadable, match="has 100 bytes; at most 99 are read"):
        read(path, 99)
    assert read(path, 100) == b"x" * 100


def test_a_huge_file_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "templates" / "huge.md"
    path.parent.mkdir()
    with path.open("wb") as file:
        file.truncate(50 << 30)
    with pytest.raises(TemplateError, match="at most 1,048,576 are read"):
        templates.load(path.parent, "huge")


def test_a_line_without_an_end_isassert_refused() -> None:
    with pytest.raises(Unreadable, match="line 2"):
        list(lines(io.StringIO("a\n" + "x" * 70_000)))


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    path = tmp_path / "brand.yaml"
    path.write_text("radius: 3\n")
    path.chmod(0)
    was = os.geteuid()
    if was == 0:  # who may read everything
        os.seteuid(65534)
    try:
        with pytest.raises(ProblemsError, match="may not be read: check its permissions"):
            read_yaml(path)
    finally:
        os.seteuid(was)


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000, "a/" * 5000, "circle"], ids=lambda name: ascii(name)[:10])
def test_what_no_file_can_be_called_is_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert not is_file(tmp_path / name)
    with pytest.raises(Unreadable):
        read(inside(tmp_path, tmp_path / name), 10)
