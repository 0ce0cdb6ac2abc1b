"""What must be there before the first real marketing mail goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailflow.errors import ConfigError

if TYPE_CHECKING:
    from mailflow.config import Settings

# Domains of mailbox providers: nobody but the provider can send from them without failing DMARC.
_MAILBOX_PROVIDERS = frozenset(
    "aol.com fastmail.com gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hotmail.co.uk hotmail.com"
    " hotmail.de hotmail.es hotmail.fr hotmail.it icloud.com laposte.net libero.it live.com mac.com mail.com mail.ru"
    " me.com msn.com online.no orange.fr outlook.com outlook.de outlook.fr proton.me protonmail.com qq.com seznam.cz"
    " t-online.de tutanota.com web.de wp.pl yahoo.co.uk yahoo.com yahoo.de yahoo.es yahoo.fr yandex.com yandex.ru"
    " zoho.com".split()
)
# Reserved for examples and tests (RFC 2606), where nobody can have a mailbox; a new workspace stands on one of them.
_EXAMPLES = tuple("example.com example.net example.org example test invalid localhost".split())


def check(settings: Settings, *, tested: bool) -> None:
    """Raise `ConfigError` with everything that is missing before marketing mail may really go out."""
    missing = list(_missing(settings))
    if not tested:
        missing.append("see one message yourself: `mailflow send CAMPAIGN --test-to YOUR-ADDRESS`")
    if missing:
        steps = "\n".join(f"  {number}. {step}" for number, step in enumerate(missing, 1))
        raise ConfigError(f"before the first real send:\n{steps}")


def _missing(settings: Settings) -> list[str]:
    missing = []
    if not settings.address.strip():
        missing.append("write your postal address as `address:` in mailflow.yaml; the law asks for it in every mail")
    if not (settings.unsubscribe.mailto or settings.unsubscribe.url):
        missing.append("say how to unsubscribe: `unsubscribe: {mailto: …}` or `{url: https://…}` in mailflow.yaml")
    if settings.sender.domain in _MAILBOX_PROVIDERS:
        missing.append(
            f"send from a domain of your own: mail from @{settings.sender.domain} through another relay is refused"
        )
    # A relay on this machine may be a test's, whose mail goes nowhere.
    if settings.relay is None or not settings.relay.is_loopback:
        missing += [
            f"put an address of your own in place of {address} at `{key}:` in mailflow.yaml: it is an example"
            for key, address in (
                ("sender.email", settings.sender.email),
                ("unsubscribe.mailto", settings.unsubscribe.mailto),
            )
            if address and _is_example(address)
        ]
    return missing


def _is_example(address: str) -> bool:
    domain = address.rpartition("@")[2].lower()
    return any(domain == name or domain.endswith(f".{name}") for name in _EXAMPLES)
