"""Where a fault is: the line most like it, found without looking at every line for each fault."""

from __future__ import annotations

import re
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from mailflow.templates.lint.places import Place, Places

LINE = st.lists(st.sampled_from("tea pot cup of the and Graz Linz 17 18 19".split()), max_size=8).map(" ".join)
TEXT = st.lists(LINE, min_size=1, max_size=12).map("\n".join)


def plainly(files: dict[str, str], text: str) -> Place:
    """Look at every line: a word counts the more the fewer lines have it, and the first of the best is it."""
    having: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for path, page in files.items():
        for number, line in enumerate(page.split("\n"), start=1):
            for word in set(re.findall(r"\w+", line.lower())):
                having[word].append((path, number))
    scores: dict[tuple[str, int], float] = defaultdict(float)
    for word in dict.fromkeys(re.findall(r"\w+", text.lower())[:40]):
        for line in having.get(word, ()):
            scores[line] += 1 / len(having[word])
    if not scores:
        return Place("a.md")
    return Place(*min(scores, key=lambda line: (-round(scores[line], 9), list(files).index(line[0]), line[1])))


@given(TEXT, TEXT, LINE)
def test_the_line_most_like_a_text_is_that_of_the_plain_way(page: str, block: str, text: str) -> None:
    files = {"a.md": page, "blocks/b.md": block}
    asked = f"{text} nowhere"  # so that it stands in no line as it is
    assert Places("a.md", files).find((asked,)) == plainly(files, asked)


def test_texts_that_differ_in_foreign_words_only_are_looked_for_once() -> None:
    places = Places(
        "a.md", {"a.md": "\n".join(f"<p>Hi {{{{ name }}}}, shop {number % 2}</p>" for number in range(500))}
    )
    found = {places.find((f"Hi reader{number}, shop 1 is yours",)) for number in range(50)}
    assert found == {Place("a.md", 2)}
    assert len(places._likest) == 1
