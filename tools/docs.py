"""Write the generated parts of the documentation, or with `--check` say what is out of date.

docs/cli.md is made from the help of every command. In hand-written pages the text between `<!-- generated: NAME -->`
and `<!-- end -->` is made from the code. Nothing here is imported by mailflow.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import inspect
import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.update(COLUMNS="80", NO_COLOR="1", TERM="dumb")  # before typer looks: the same pages on every machine

import typer

from mailflow import errors, model
from mailflow.cli import main
from mailflow.cli.registry import COMMANDS
from mailflow.importers.recognition.layouts import load_layouts, tools_of
from mailflow.importers.recognition.rules import RULES
from mailflow.importers.recognition.vocabulary import VOCABULARY
from mailflow.templates.lint import checks
from mailflow.tracking import vocabulary

DOCS = Path(__file__).parents[1] / "docs"
REGION = re.compile(r"(<!-- generated: (?P<name>[a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
MEMBER = re.compile(r'^    (?P<name>[A-Z_]+) = "(?P<value>[a-z_]+)"\s*#\s*(?P<meaning>.+)$', re.MULTILINE)

CLI_INTRODUCTION = """\
# The commands

This page is made from `mailflow COMMAND --help` by `make docs`. Data goes to stdout and talk to stderr; every command
takes `--format json`, `jsonl` or `csv` in place of the table, and `--workspace DIR` where it is not run inside one.

{exit_codes}
"""


def command_paths(name: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of a command, and of those in it when it is a group."""
    yield (name,)
    entry = COMMANDS[name]
    target = getattr(importlib.import_module(entry.module), entry.attribute)
    if isinstance(target, typer.Typer):
        yield from ((name, inner) for inner in getattr(typer.main.get_command(target), "commands", {}))


def help_page(words: tuple[str, ...]) -> str:
    """Return what `mailflow WORDS --help` prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = main.run([*words, "--help"])
    if code:
        raise SystemExit(f"mailflow {' '.join(words)} --help ended with {code}")
    return "\n".join(line.rstrip() for line in printed.getvalue().strip().splitlines())


def cli_page() -> str:
    """Return docs/cli.md."""
    pages = [CLI_INTRODUCTION.format(exit_codes=exit_codes())]
    every = [(), *(words for name in COMMANDS for words in command_paths(name))]
    for words in every:
        level = "##" if len(words) < 2 else "###"
        pages.append(f"{level} {' '.join(('mailflow', *words))}\n\n```text\n{help_page(words)}\n```\n")
    return "\n".join(pages)


def exit_codes() -> str:
    """Return a table of exit codes, from the classes of errors.py."""
    rows = ["| exit code | meaning |", "|---|---|", "| 0 | Done. |"]
    classes = (
        kind
        for kind in vars(errors).values()
        if inspect.isclass(kind) and kind.__base__ is errors.MailflowError and "exit_code" in vars(kind)
    )
    rows += [f"| {kind.exit_code} | {(kind.__doc__ or '').splitlines()[0]} |" for kind in classes]
    return "\n".join(rows)


def message_states() -> str:
    """Return a table of a message's states: what each means and what may follow, from model.py."""
    rows = ["| state | means | may become |", "|---|---|---|"]
    for member in MEMBER.finditer(inspect.getsource(model.MessageState)):
        following = model.MESSAGE_TRANSITIONS[model.MessageState(member["value"])]
        names = ", ".join(f"`{state}`" for state in model.MessageState if state in following)
        rows.append(f"| `{member['value']}` | {member['meaning']} | {names or '– (final)'} |")
    return "\n".join(rows)


def import_rules() -> str:
    """Return a table of the rules that the tables of tools may name."""
    rows = ["| rule | reads | gives | what it does |", "|---|---|---|---|"]
    for name, rule in sorted(RULES.items()):
        reads, gives = (", ".join(f"`{column}`" for column in columns) for columns in (rule.reads, rule.gives))
        rows.append(f"| `{name}` | {reads} | {gives} | {rule.about.replace('|', chr(92) + '|')} |")
    return "\n".join(rows)


def import_fields() -> str:
    """Return the fields of each kind of file, and what a file of it must have."""
    rows = ["| kind | needs | fields |", "|---|---|---|"]
    for noun, words in VOCABULARY.items():
        fields = " ".join(f"`{name}`" for name in words.fields)
        rows.append(f"| `{noun}` | {'; '.join(need.what for need in words.needs)} | {fields} |")
    return "\n".join(rows)


def known_tools() -> str:
    """Return a table of the exports that are recognised by their headers."""
    rows = ["| tool | `--from` | exports |", "|---|---|---|"]
    layouts = load_layouts()
    for tool, title in sorted(tools_of(layouts).items(), key=lambda item: item[1].lower()):
        exports = ", ".join(
            f"{layout.name} ({layout.noun})" if layout.name != layout.noun else layout.name
            for layout in layouts
            if layout.tool == tool
        )
        rows.append(f"| {title} | `{tool}` | {exports} |")
    return "\n".join(rows)


REGIONS: dict[str, Callable[[], str]] = {
    "message states": message_states,
    "exit codes": exit_codes,
    "import rules": import_rules,
    "import fields": import_fields,
    "known tools": known_tools,
    "event names": vocabulary.table,
    "lint checks": checks.table,
}


def with_regions(text: str) -> str:
    """Return a page with its generated regions made anew."""
    return REGION.sub(lambda found: f"{found[1]}{REGIONS[found['name']]()}\n{found[3]}", text)


def wanted() -> dict[Path, str]:
    """Return every page that has generated parts, as it should be."""
    pages = {DOCS / "cli.md": cli_page()}
    for path in sorted(DOCS.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        if path not in pages and REGION.search(text):
            pages[path] = with_regions(text)
    return pages


def stale(path: Path, text: str) -> list[str]:
    """Return the difference between a page and what it should be, as lines of a diff."""
    there = path.read_text(encoding="utf-8") if path.exists() else ""
    return list(difflib.unified_diff(there.splitlines(), text.splitlines(), str(path), "as it should be", lineterm=""))


def run(arguments: list[str]) -> int:
    """Write the pages, or check them."""
    pages = wanted()
    if "--check" not in arguments:
        for path, text in pages.items():
            path.write_text(text, encoding="utf-8")
        return 0
    differences = [line for path, text in pages.items() for line in stale(path, text)]
    if differences:
        print("\n".join(differences[:80]))
        print("The generated documentation is out of date: run `make docs` and commit what it writes.")
        return 1
    print("The generated documentation is up to date.")
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
