"""What holds for the project as a whole: its package, its files, its start-up and its documentation."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import docs
import mailflow
from conftest import ROOT
from mailflow.cli.registry import COMMANDS

# Written in halves, so that this file does not hold what it forbids.
MACHINE_PATHS = re.compile("|".join(["/wo" + "rk/", "/tm" + "p/v", "/ro" + "ot/", "/ho" + "me/(?!you)"]))
REGISTRY_HOSTS = re.compile(
    "|".join(["py" + r"pi\.org", "python" + "hosted", "npm" + r"js\.(org|com)", "resol" + 'ved":'])
)
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
FRAMES = {"pandas", "numpy", "sqlite_utils"}
HEAVY = FRAMES | {"asyncio"}


def tracked_files() -> Iterator[tuple[Path, str]]:
    """Yield the path and text of every file of the project that git knows."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file():
            yield Path(name), path.read_bytes().decode("utf-8", errors="replace")


def modules_of(*words: str) -> set[str]:
    """Return the modules that are loaded when `mailflow WORDS` has run in a process of its own."""
    code = (
        "import sys; from mailflow.cli.main import run; code = run(sys.argv[1:]); print(*sys.modules); sys.exit(code)"
    )
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.splitlines()[-1].split())


def test_the_installed_version_is_the_package_version() -> None:
    assert importlib.metadata.version("mailflow-cli") == mailflow.__version__


def test_the_changelog_speaks_of_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{mailflow.__version__}]" in changelog or "## [Unreleased]" in changelog


@pytest.mark.parametrize("forbidden", [MACHINE_PATHS, REGISTRY_HOSTS], ids=["machine paths", "registry hosts"])
def test_no_file_names_a_machine_or_a_registry(forbidden: re.Pattern[str]) -> None:
    assert [str(path) for path, text in tracked_files() if forbidden.search(text)] == []


def test_every_requirement_is_pinned_with_a_hash() -> None:
    for path in ROOT.glob("requirements*.txt"):
        text = path.read_text(encoding="utf-8")
        pinned = re.findall(r"^[a-z0-9][\w.-]*==", text, re.MULTILINE)
        blocks = re.split(r"\n(?=[a-z0-9])", text)
        assert len(pinned) > 2
        assert all("--hash=sha256:" in block for block in blocks if "==" in block)
        assert not re.search(r"^--|://|^-[ef] ", text, re.MULTILINE)


def test_every_module_says_what_lives_in_it() -> None:
    modules = [*(ROOT / "src").rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "tools").glob("*.py")]
    silent = [
        str(path.relative_to(ROOT))
        for path in modules
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_help_loads_none_of_the_heavy_libraries() -> None:
    assert HEAVY.isdisjoint(modules_of("--help"))


def test_a_tick_with_nothing_due_loads_none_of_the_heavy_libraries(tmp_path: Path) -> None:
    modules_of("init", str(tmp_path), "--quiet")
    assert HEAVY.isdisjoint(modules_of("run", "--workspace", str(tmp_path)))


def test_frames_are_never_on_the_path_of_a_send(tmp_path: Path) -> None:
    here = ["--workspace", str(tmp_path), "--quiet"]
    modules_of("init", str(tmp_path), "--quiet")
    (tmp_path / "campaigns" / "news.yaml").write_text("audience: everyone\ntemplate: newsletter\n", encoding="utf-8")
    modules_of("import", str(ROOT / "examples" / "contacts.csv"), "--consent", "express", "--evidence", "a test", *here)
    loaded = modules_of("send", "news", "--yes", *here)
    assert "mailflow.delivery.maildir" in loaded
    assert FRAMES.isdisjoint(loaded)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_an_example(name: str) -> None:
    for words in docs.command_paths(name):
        page = docs.help_page(words)
        assert page.startswith(f"Usage: {' '.join(('mailflow', *words))} ")
        assert "Examples:" in page or "Commands:" in page


def test_no_help_line_of_ours_is_cut_or_overlong() -> None:
    page = docs.cli_page()
    assert "…\n" not in page
    assert "Traceback" not in page


def test_the_readme_names_only_commands_that_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^\$ |`)mailflow ([a-z]+)", readme, re.MULTILINE))
    assert len(named) > 5
    assert named <= set(COMMANDS)


def test_the_readme_names_only_make_targets_that_exist() -> None:
    named = {
        target
        for page in ("README.md", "CONTRIBUTING.md")
        for target in re.findall(r"`?make ([a-z-]+)", (ROOT / page).read_text(encoding="utf-8"))
    }
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"demo", "test"} <= named <= targets


def test_every_link_in_the_documentation_leads_somewhere() -> None:
    pages = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]
    dead = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", CODE.sub("", page.read_text(encoding="utf-8")))
        if not (page.parent / target).exists()
    ]
    assert dead == []


def test_the_index_lists_every_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert [page for page in sorted(pages) if f"]({page})" not in index] == []
