"""The workspace's secrets: sign what goes out in links, and hash addresses that must never be mailed again.

What a token's message is: store/messages. Which addresses are suppressed: store/suppressions.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from mailflow.errors import ConfigError

_VERSION = "v1"
_SECRET_BYTES = 32
_MAC_BYTES = 16  # 128 bits, as RFC 2104 section 5 allows for SHA-256: half of its output
_SUBJECT = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
_TOKEN_MAX = 256


class Purpose(StrEnum):
    """What a token may be used for. One purpose's token is worth nothing for another."""

    UNSUBSCRIBE = "u"
    PREFERENCES = "p"
    CONFIRM = "c"
    CLICK = "k"
    OPEN = "o"
    ANSWER = "a"


@dataclass(frozen=True, slots=True)
class Keys:
    """The pepper of address hashes, the key that signs, and every older key: old mail's links live for ever."""

    path: Path
    current: str
    pepper: bytes = field(repr=False)
    secrets: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def load_or_create(cls, path: Path) -> Keys:
        """Read the keys of a workspace, making them the first time. Two processes that make them agree on one."""
        if not path.exists():
            key_id, secret = _new_key(())
            fresh = cls(path, key_id, secrets.token_bytes(_SECRET_BYTES), MappingProxyType({key_id: secret}))
            _write(path, fresh._text(), may_replace=False)
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> Keys:
        """Read the keys of a workspace; `ConfigError` where the file is missing or damaged."""
        try:
            data = json.loads(path.read_text(encoding="ascii"))
            keys = {str(key_id): bytes.fromhex(secret) for key_id, secret in data["keys"].items()}
            loaded = cls(path, str(data["current"]), bytes.fromhex(data["pepper"]), MappingProxyType(keys))
        except FileNotFoundError:
            raise ConfigError(
                f"{path}: the keys are missing. Restore the file from a backup of the workspace"
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError):
            loaded = None
        if loaded is None or not loaded._is_sound():
            raise ConfigError(f"{path}: not a key file. Restore it from a backup of the workspace")
        return loaded

    def rotate(self) -> Keys:
        """Write a new signing key and return the keys with it; the older ones verify on, the pepper stays."""
        key_id, secret = _new_key(self.secrets)
        rotated = replace(self, current=key_id, secrets=MappingProxyType({**self.secrets, key_id: secret}))
        _write(self.path, rotated._text(), may_replace=True)
        return rotated

    def sign(self, purpose: Purpose, subject: str) -> str:
        """Return `v1.<key id>.<purpose>.<subject>.<MAC>`, safe in a URL as it is.

        `subject` is a message's token: 1 to 128 letters, digits, `-` and `_`; `ValueError` for anything else.
        """
        if not _SUBJECT.match(subject):
            raise ValueError("a token's subject is 1 to 128 letters, digits, - and _")
        body = f"{_VERSION}.{self.current}.{purpose}.{subject}"
        return f"{body}.{_mac(self.secrets[self.current], body)}"

    def verify(self, token: str, purpose: Purpose) -> str | None:
        """Return the subject of a token that we signed for this purpose, by any key we ever had, or None."""
        body, _, mac = token.rpartition(".")
        parts = body.split(".")
        if len(token) > _TOKEN_MAX or not token.isascii() or len(parts) != 4:
            return None
        version, key_id, said, subject = parts
        secret = self.secrets.get(key_id)
        if version != _VERSION or said != purpose or secret is None:
            return None
        return subject if hmac.compare_digest(mac, _mac(secret, body)) else None

    def address_hash(self, address_key: str) -> str:
        """Return the keyed hash of a normalised address (`Address.key`): 64 hex digits that do not give it away."""
        return hmac.digest(self.pepper, address_key.encode(), "sha256").hex()

    def keyed(self, purpose: str, subject: str) -> bytes:
        """Return 32 bytes that follow from a subject and that nobody without the keys can know; for codes."""
        return hmac.digest(self.pepper, f"{purpose}\0{subject}".encode(), "sha256")

    @property
    def pepper_check(self) -> str:
        """A value kept beside the hashes, to notice that they were made with another workspace's pepper."""
        return hmac.digest(self.pepper, b"mailflow pepper check", "sha256").hex()[:16]

    def _is_sound(self) -> bool:
        lengths = [len(self.pepper), *map(len, self.secrets.values())]
        return self.current in self.secrets and min(lengths) >= _SECRET_BYTES

    def _text(self) -> str:
        keys = {key_id: secret.hex() for key_id, secret in self.secrets.items()}
        return json.dumps({"current": self.current, "keys": keys, "pepper": self.pepper.hex()}, indent=2) + "\n"


def _new_key(taken: Mapping[str, bytes] | tuple[()]) -> tuple[str, bytes]:
    # Random ids: a restored key file that is rotated again must not give an old id to a new secret.
    while (key_id := secrets.token_hex(3)) in taken:
        pass
    return key_id, secrets.token_bytes(_SECRET_BYTES)


def _mac(secret: bytes, body: str) -> str:
    digest = hmac.digest(secret, body.encode(), hashlib.sha256)[:_MAC_BYTES]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _write(path: Path, text: str, *, may_replace: bool) -> None:
    """Write a file that is either whole and durable or not there; only its owner can read it.

    Without `may_replace` a file that somebody else made meanwhile stays as it is.
    """
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if may_replace:
            os.replace(draft, path)
        else:
            _link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _link(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        return


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
