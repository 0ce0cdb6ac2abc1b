"""How wide a picture is, by the first bytes of its file. Where pictures are put: pictures.py."""

from __future__ import annotations

import struct

_FRAMES = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)))  # JPEG's SOFn
_MOST = 20_000  # pixels: more is no picture for a mail, but a broken file


def width_of(data: bytes) -> int | None:
    """Return the width of a PNG, GIF, JPEG or WebP in pixels; None for what is none of them, or broken."""
    try:
        width = _width(data)
    except (struct.error, IndexError):
        return None
    return width if width is not None and 0 < width <= _MOST else None


def _width(data: bytes) -> int | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
        return int(struct.unpack_from(">I", data, 16)[0])
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return int(struct.unpack_from("<H", data, 6)[0])
    if data.startswith(b"\xff\xd8"):
        return _of_jpeg(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _of_webp(data)
    return None


def _of_jpeg(data: bytes) -> int | None:
    """Walk the segments to the first frame (ITU T.81, B.1.1 and B.2.2); a turn in its EXIF is not looked at."""
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill
            at += 1
        elif marker in _FRAMES:
            return int(struct.unpack_from(">H", data, at + 7)[0])
        else:
            at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    return None


def _of_webp(data: bytes) -> int | None:
    """Read the width of the three kinds of WebP (RFC 9649, section 2)."""
    kind = data[12:16]
    if kind == b"VP8 ":
        return int(struct.unpack_from("<H", data, 26)[0]) & 0x3FFF
    if kind == b"VP8L":
        return (int(struct.unpack_from("<I", data, 21)[0]) & 0x3FFF) + 1
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1
    return None
