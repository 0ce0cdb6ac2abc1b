"""brand.yaml: strict, every key optional, readable in light and dark whatever colour is said."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from mailflow import templates
from mailflow.config import colours
from mailflow.config.brand import Brand, load_brand, parse_brand
from mailflow.errors import ProblemsError
from mailflow.jobs.init import Brand as NewBrand
from mailflow.jobs.init import init
from mailflow.templates import TemplateError, context

PAIRS = (("text", "surface"), ("heading", "surface"), ("muted", "surface"), ("muted", "background"),
         ("link", "surface"), ("accent_text", "accent"))  # fmt: skip


def _unreadable(brand: Brand) -> list[tuple[str, str, str]]:
    shades = brand.context()["colours"]
    modes = {"light": shades, "dark": shades["dark"]}
    return [
        (mode, ink, ground)
        for mode, known in modes.items()
        for ink, ground in PAIRS
        if colours.contrast(known[ink], known[ground]) < colours.READABLE
    ]


def test_without_a_file_everything_is_there() -> None:
    assert load_brand(Path("/nowhere")) == Brand()
    assert _unreadable(Brand()) == []


def test_whatever_the_accent_text_can_be_read() -> None:
    dice = random.Random(5)
    accents = [f"#{dice.randrange(1 << 24):06x}" for _ in range(300)] + [
        "#000000",
        "#ffffff",
        "#777777",
        "#ff0",
        "#00f",
    ]
    for accent in accents:
        assert _unreadable(parse_brand(f'colours: {{accent: "{accent}"}}')) == [], accent


def test_a_dark_surface_in_light_mode_gets_light_text() -> None:
    assert _unreadable(parse_brand('colours: {surface: "#10202a", background: "#0a1218"}')) == []


def test_what_is_said_is_taken_as_it_is() -> None:
    made = parse_brand('colours: {accent: "#ABC", link: "#777777", dark: {text: "#fffffe"}}\nradius: 0').context()
    assert made["colours"]["accent"] == "#aabbcc"
    assert made["colours"]["link"] == "#777777"
    assert made["colours"]["dark"]["text"] == "#fffffe"
    assert made["radius"] == 0


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("colours:\n  accent: #24594f\n", "2:10", "in quotes"),
        ("colours:\n  accent: #24594f\n  text: \"#333333\"\n", "2:", "in quotes"),
        ('colours: {accnt: "#333333"}', "1:11", "did you mean 'accent'"),
        ('colours: {accent: "dark green"}', "1:19", "is not a colour"),
        ('colours: {dark: {accent: "#12"}}', "1:26", "is not a colour"),
        ("logo: http://x.example/a.png", "1:7", "neither an https:// address nor a file"),
        ("logo: ../secret.png", "1:7", "neither"),
        ("logo_dark: https://x.example/a.png", "1:1", "name logo too"),
        ('fonts: {body: "x; } body { color: red"}', "1:15", "is not the name of a font"),
        ("social: {instagram: '@quitte'}", "1:21", "https://"),
        ("radius: 99", "1:9", "40"),
        ("address: 1 Long Lane", "1:1", "mailflow.yaml"),
        ("banned_words: ['']", "1:15", "is empty"),
    ],
)  # fmt: skip
def test_a_mistake_is_placed(text: str, place: str, words: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        parse_brand(text)
    assert str(caught.value).startswith(f"brand.yaml:{place}")
    assert words in str(caught.value)


def test_fonts_are_names_and_outlook_gets_one_it_has() -> None:
    fonts = parse_brand("""fonts: {body: "'Gill Sans', Georgia, serif", heading: Futura}""").context()["fonts"]
    assert fonts == {
        "body": "Gill Sans, Georgia, serif",
        "heading": "Futura",
        "safe": "Georgia",
        "safe_heading": "Arial",
    }


def test_init_writes_one_whose_lines_are_right_when_switched_on(tmp_path: Path) -> None:
    init(tmp_path, NewBrand())
    path = tmp_path / "brand.yaml"
    assert load_brand(tmp_path).colours.accent
    on = [line.replace("# ", "", 1) if _is_key(line) else line for line in path.read_text("utf-8").splitlines()]
    path.write_text("\n".join(on), encoding="utf-8")
    brand = load_brand(tmp_path)
    said = {*brand.model_fields_set, *brand.colours.model_fields_set}
    assert said >= {*Brand.model_fields, *type(brand.colours).model_fields}


def _is_key(line: str) -> bool:
    word = line.strip().removeprefix("# ").strip().split(":")[0]
    return line.strip().startswith("# ") and ":" in line and " " not in word


def _message(root: Path, body: str = "Hello.\n") -> templates.Rendered:
    (root / "templates").mkdir(exist_ok=True)
    (root / "templates" / "t.md").write_text(f"---\nsubject: x\n---\n{body}", encoding="utf-8")
    return templates.load(root / "templates", "t").render(context.sample())


def test_templates_and_layouts_see_the_brand(tmp_path: Path) -> None:
    (tmp_path / "brand.yaml").write_text('colours: {accent: "#24594f"}\nimprint: A & B {{ x }}\n', encoding="utf-8")
    made = _message(
        tmp_path, "Ours is {{ brand.colours.accent }}. <b style='color: {{ brand.colours.accent }}'>x</b>\n"
    )
    assert "Ours is #24594f." in made.html
    assert "color: #24594f" in made.html
    assert "A &amp; B {{ x }}" in made.html
    assert "A & B {{ x }}" in made.text


def test_an_edit_of_the_brand_is_an_edit_of_the_template(tmp_path: Path) -> None:
    _message(tmp_path)
    without = templates.load(tmp_path / "templates", "t").hash
    (tmp_path / "brand.yaml").write_text('colours: {accent: "#24594f"}\n', encoding="utf-8")
    said = templates.load(tmp_path / "templates", "t")
    assert "brand.yaml" in said.files
    assert said.hash != without
    (tmp_path / "brand.yaml").write_text('colours: {accent: "#24594e"}\n', encoding="utf-8")
    assert templates.load(tmp_path / "templates", "t").hash not in (said.hash, without)


def test_a_mistake_in_the_brand_stops_every_template(tmp_path: Path) -> None:
    (tmp_path / "brand.yaml").write_text("radius: round\n", encoding="utf-8")
    with pytest.raises(TemplateError, match=r"brand\.yaml:1:9: "):
        _message(tmp_path)


def test_the_brand_is_a_file_of_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.yaml").write_text("radius: 3\n", encoding="utf-8")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "brand.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    with pytest.raises(TemplateError, match=r"brand\.yaml: leads out of the workspace"):
        _message(tmp_path / "shop")


def test_a_logo_is_shown_with_its_stand_in_for_the_dark(tmp_path: Path) -> None:
    logos = "logo: https://x.example/a.png\nlogo_dark: https://x.example/b.png\n"
    (tmp_path / "brand.yaml").write_text(logos, encoding="utf-8")
    made = _message(tmp_path)
    assert 'src="https://x.example/a.png" alt="Sample Shop"' in made.html
    assert made.html.count("https://x.example/b.png") == 1
    (tmp_path / "brand.yaml").write_text("logo: assets/logo.png\n", encoding="utf-8")
    assert "logo.png" not in _message(tmp_path).html
