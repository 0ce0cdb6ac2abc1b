"""Markdown into HTML, with the tags already swapped for words (tags.py).

CommonMark with tables and strikethrough, and two habits of our own: a tag alone on a line stands between blocks, not
in a paragraph of its own, and a link with the title "button" alone in a paragraph is a button.
"""

from __future__ import annotations

import re
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from mailflow.templates.parts import TemplateError
from mailflow.templates.tags import Tags

_LISTS = {"bullet_list_open": "bullet_list_close", "ordered_list_open": "ordered_list_close"}
_BUTTON = (
    '<table role="presentation" class="button" border="0" cellpadding="0" cellspacing="0"><tr><td>',
    "</td></tr></table>\n",
)


def to_html(text: str, tags: Tags) -> str:
    """Return Markdown as HTML; words of tags stay words in the flow and become comments between blocks."""
    text = re.sub(rf"<({tags.word.pattern})>", r"[\1](\1)", text)  # <{{ url }}> is a link
    lines = _off_the_marks(_standing_apart(text, tags), tags).split("\n")
    prepared = "\n".join(_in_rows([_alone(line, tags) for line in lines], tags))
    parser = _parser()
    tokens = _buttons(_tables(parser.parse(prepared)))
    html = parser.renderer.render(_joined_lists(tokens, tags), parser.options, {})
    return _rows_apart(str(html), tags)


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def _standing_apart(text: str, tags: Tags) -> str:
    """Give a line of its own to each end of a statement whose tags stand in different paragraphs."""
    apart: set[int] = set()
    paragraph = {int(match[1]): text.count("\n\n", 0, match.start()) for match in tags.word.finditer(text)}
    for group in tags.groups(text):
        if len({paragraph[number] for number in group}) > 1:
            apart.update(group)

    def place(match: re.Match[str]) -> str:
        if int(match[1]) not in apart:
            return match[0]
        before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        after = text[match.end() : (text + "\n").index("\n", match.end())]
        if _blank(before, tags):
            return match[0] if _blank(after, tags) else f"{match[0]}\n\n"
        if _blank(after, tags):
            return f"\n\n{match[0]}"
        tag = tags.of(match)
        raise TemplateError.at(
            tag.file,
            f"{{% {tag.inside} %}} reaches over several paragraphs: put each of its tags on a line of its own",
            tag.line,
        )

    return tags.word.sub(place, text)


def _off_the_marks(text: str, tags: Tags) -> str:
    """Give a line of its own to statements before the mark of an entry, row or heading, and to those after a row."""
    words = rf"(?:{tags.word.pattern.replace('(', '').replace(')', '')}[ \t]*)+"

    def before(match: re.Match[str]) -> str:
        return f"{match[1]}\n{match[2]}" if _blank(match[1], tags) else match[0]

    def after(match: re.Match[str]) -> str:
        return f"{match[1]}\n{match[2]}" if _blank(match[2], tags) else match[0]

    text = re.sub(rf"(?m)^([ \t]*{words})(\||[-*+] |\d+[.)] |#+ |> )", before, text)
    return re.sub(rf"(?m)^([ \t]*\|.*\|)[ \t]*({words})$", after, text)


def _blank(text: str, tags: Tags) -> bool:
    """Whether there is nothing in `text` but space and statements."""
    return not tags.word.sub(lambda match: "" if tags.of(match).is_statement else "x", text).strip()


def _alone(line: str, tags: Tags) -> str:
    """Return a line that holds nothing but statements as comments, which Markdown leaves between the blocks."""
    if not line.strip() or not _blank(line, tags):
        return line
    return tags.word.sub(lambda match: f"<!--{match[0]}-->", line)


def _in_rows(lines: list[str], tags: Tags) -> list[str]:
    """Move lines of statements between the rows of a table into the row beside, or the table would end there."""
    result: list[str] = []
    for index, line in enumerate(lines):
        if not tags.node.search(line) or tags.node.sub("", line).strip() or not result or not _is_row(result[-1]):
            result.append(line)
            continue
        behind = (number for number in range(index + 1, len(lines)) if not _is_between(lines[number], tags))
        following = next(behind, None)
        if following is not None and _is_row(lines[following]):
            lines[following] = lines[following].replace("|", f"|{line.strip()}", 1)
        else:
            result[-1] = re.sub(r"\|?\s*\Z", f" {line.strip()}|", result[-1])
    return result


def _is_between(line: str, tags: Tags) -> bool:
    """Whether a line holds statements and nothing else."""
    return bool(line) and not tags.node.sub("", line).strip()


def _is_row(line: str) -> bool:
    return line.lstrip().startswith("|")


def _rows_apart(html: str, tags: Tags) -> str:
    """Move what `_in_rows` put into the first or last cell of a row out of that row again."""
    nodes = f"(?:{tags.node.pattern.replace('(', '').replace(')', '')})+"
    html = re.sub(rf"(<tr>\s*<t[dh][^<>]*>)({nodes})", r"\2\1", html)
    return re.sub(rf"(?<!\s)\s*({nodes})(</t[dh]>\s*</tr>)", r"\2\1", html)


def _tables(tokens: list[Token]) -> list[Token]:
    """Give tables of data the class that tells them from tables that hold the layout."""
    for token in tokens:
        if token.type == "table_open":
            token.attrs["class"] = "data"
    return tokens


def _buttons(tokens: list[Token]) -> list[Token]:
    """Make a table of each paragraph that is one link with the title "button": Outlook pads no link."""
    for index in range(1, len(tokens) - 1):
        children = tokens[index].children or []
        if (
            tokens[index - 1].type == "paragraph_open"
            and len(children) >= 3
            and children[0].type == "link_open"
            and children[-1].type == "link_close"
            and [child.type for child in children].count("link_open") == 1
            and children[0].attrs.get("title") == "button"
        ):
            del children[0].attrs["title"]
            for token, html in ((tokens[index - 1], _BUTTON[0]), (tokens[index + 1], _BUTTON[1])):
                token.type, token.tag, token.content, token.nesting, token.hidden = "html_block", "", html, 0, False
    return tokens


def _joined_lists(tokens: list[Token], tags: Tags) -> list[Token]:
    """Make one list of the lists that only statements stand between, as in a loop over its entries."""
    result: list[Token] = []
    index = 0
    while index < len(tokens):
        run = _run(tokens, index, tags)
        if run:
            result += _joined(run, tags)
            index += sum(map(len, run))
        else:
            result.append(tokens[index])
            index += 1
    return result


def _run(tokens: list[Token], start: int, tags: Tags) -> list[list[Token]]:
    """Return the lists and statements that follow each other from `start`, each as its tokens."""
    run: list[list[Token]] = []
    while start < len(tokens):
        token = tokens[start]
        if token.type in _LISTS:
            end = next(
                i
                for i in range(start, len(tokens))
                if tokens[i].type == _LISTS[token.type] and tokens[i].level == token.level
            )
            run.append(tokens[start : end + 1])
        elif token.type == "html_block" and not tags.node.sub("", token.content).strip():
            run.append([token])
        else:
            break
        start += len(run[-1])
    return run if any(len(item) > 1 for item in run) and len(run) > 1 else []


def _joined(run: list[list[Token]], tags: Tags) -> list[Token]:
    lists = [item for item in run if len(item) > 1]
    words = "".join(item[0].content for item in run if len(item) == 1)
    numbers = [int(match[1]) for match in tags.word.finditer(words)]
    grouped = sorted(number for group in tags.groups(words) for number in group)
    statements = sorted(number for number in numbers if tags.all[number].name != "set")
    same = {(item[0].type, item[0].markup) for item in lists}
    loops = any(tags.all[number].name == "for" for number in numbers)
    if grouped != statements or len(same) > 1 or (len(lists) == 1 and not loops):
        return [token for item in run for token in item]
    inner = [token for item in run for token in (item[1:-1] if len(item) > 1 else item)]
    return [lists[0][0], *inner, lists[0][-1]]
