"""What must be there before the first real marketing mail goes out."""

from __future__ import annotations

from mailflow.config import Settings
from mailflow.errors import ConfigError

# Domains of mailbox providers: nobody but the provider can send from them without failing DMARC.
_MAILBOX_PROVIDERS = frozenset(
    "aol.com fastmail.com gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hotmail.co.uk hotmail.com"
    " hotmail.de hotmail.es hotmail.fr hotmail.it icloud.com laposte.net libero.it live.com mac.com mail.com mail.ru"
    " me.com msn.com online.no orange.fr outlook.com outlook.de outlook.fr proton.me protonmail.com qq.com seznam.cz"
    " t-online.de tutanota.com web.de wp.pl yahoo.co.uk yahoo.com yahoo.de yahoo.es yahoo.fr yandex.com yandex.ru"
    " zoho.com".split()
)


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
    return missing
