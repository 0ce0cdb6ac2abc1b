"""A picture's width is read from its first bytes, and stands in the mail where the template names none."""

from __future__ import annotations

import random
import struct
import zlib
from pathlib import Path

import pytest

from mailflow import templates
from mailflow.templates import context
from mailflow.templates.linking import How
from mailflow.templates.picture_sizes import width_of


def png(width: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, 1, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


def jpeg(width: int) -> bytes:
    app = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + bytes(9)
    tables = b"\xff\xc4" + struct.pack(">H", 4) + b"\0\0"  # Huffman tables look like a frame, and are none
    frame = b"\xff\xff\xc2" + struct.pack(">HBHHB", 11, 8, 7, width, 1) + b"\1\x11\0"
    return b"\xff\xd8" + app + tables + frame


def gif(width: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, 3)


def webp(kind: bytes, body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(body)) + b"WEBP" + kind + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    ("data", "width"),
    [
        (png(480), 480),
        (jpeg(1200), 1200),
        (gif(64), 64),
        (webp(b"VP8 ", b"\x30\x01\x00\x9d\x01\x2a" + struct.pack("<HH", 320 | 0x4000, 9)), 320),
        (webp(b"VP8L", b"\x2f" + struct.pack("<I", (640 - 1) | (9 << 14))), 640),
        (webp(b"VP8X", bytes(4) + (1000 - 1).to_bytes(3, "little") + bytes(3)), 1000),
        (png(0), None),
        (png(4_000_000_000), None),
        (png(480)[:18], None),
        (jpeg(1200)[:24], None),
        (b"\xff\xd8" + b"\xff\xe0\0\0" * 4, None),
        (b"<svg width='30'>", None),
        (b"", None),
    ],
)  # fmt: skip
def test_the_width_is_that_of_the_file(data: bytes, width: int | None) -> None:
    assert width_of(data) == width


def test_whatever_a_file_holds_ends_in_a_width_or_none() -> None:
    dice = random.Random(5)
    heads = (png(9), jpeg(9), gif(9), webp(b"VP8 ", bytes(12)))
    for _ in range(3000):
        data = bytearray(dice.choice(heads) + dice.randbytes(40))
        for _ in range(4):
            data[dice.randrange(2, len(data))] = dice.randrange(256)
        found = width_of(bytes(data[: dice.randrange(len(data))]))
        assert found is None or found > 0


@pytest.mark.parametrize(
    ("suffix", "body", "said"),
    [
        (".md", "![Bread](wide.png)", 'width="512"'),
        (".md", "![Bread](small.png)", 'width="64"'),
        (".md", '<img src="wide.png" width="300" alt="Bread">', 'width="300"'),
        (".html", '<p><img alt="Bread" src="wide.png"></p>', 'width="900"'),
    ],
)
def test_a_picture_of_the_folder_has_a_width(tmp_path: Path, suffix: str, body: str, said: str) -> None:
    folder = tmp_path / "templates"
    (folder / "assets").mkdir(parents=True)
    (folder / "assets" / "wide.png").write_bytes(png(900))
    (folder / "assets" / "small.png").write_bytes(png(64))
    (folder / f"a{suffix}").write_text(f'---\nsubject: "Bread"\n---\n{body}\n', encoding="utf-8")
    html = templates.load(folder, "a", How(embed=True)).render(context.sample()).html
    picture = next(part for part in html.split("<img ")[1:] if "cid:" in part).partition(">")[0]
    assert said in picture
    assert picture.count("width=") == 1
