"""Checks of where links and pictures lead. Which words a link has: message.py."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from mailflow.templates import foreign
from mailflow.templates.lint.checks import Found

SHORTENERS = frozenset(
    "bit.ly bitly.com buff.ly cutt.ly dlvr.it goo.gl is.gd lnkd.in ow.ly rb.gy rebrand.ly s.id shorturl.at short.io "
    "t.co t.ly t1p.de tiny.cc tinyurl.com tr.im v.gd wp.me x.co bl.ink soo.gd snip.ly t2m.io clck.ru "
    "kurzelinks.de".split()
)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_MAY_BE_TAG = re.compile(r"\*\||%%|%[A-Z]{3}|[{\[]|%recipient")
_TOKEN = re.compile(r"\bv1\.[\w-]+\.[\w-]+\.[\w-]+\.[\w-]{16,}")  # of tokens.py
_ADDRESS_WORDS = re.compile(
    r"(?:https?://|www\.)?(?P<host>(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,18})(?::\d+)?(?:/\S*)?\Z",
    re.IGNORECASE,
)
_MAIL_WORDS = re.compile(
    r"[^\s@:/?]{1,64}@(?P<host>(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,18})\Z", re.IGNORECASE
)
_AT_HOME = (".local", ".localhost", ".internal", ".lan", ".home.arpa")  # RFC 6762, 6761, 8375, and what routers name so
AROUND = " .,:()[]<>"  # what may stand around an address in a text
_COMMON_ENDS = frozenset("com net org de at ch eu io co uk fr es it nl pl shop store example info biz".split())


def _nothing(path: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Hosts:
    """Whose hosts may know who reads, and which local files there are: `is_file` is asked for `assets/logo.png`."""

    own: Collection[str] = ()
    is_file: Callable[[str], bool] = field(default=_nothing)


def check(address: str, hosts: Hosts, *, is_picture: bool) -> Iterator[Found]:
    """Yield what is wrong with an address as it stands in a message, entities resolved."""
    address = address.strip()
    what = "a picture" if is_picture else "a link"
    if not address or address == "#":
        yield Found("L305", f"{what} leads nowhere: its address is {address!r}", ('href="#"', "](#)", 'href=""', "]()"))
        return
    if address.startswith("#"):
        return  # a place on the same page: message.py looks for it
    plain = unquote(address)
    if _MAY_BE_TAG.search(plain) and (tags := list(foreign.left(plain))):
        yield from (Found("L103", tag.sentence(), (tag.text,), about=tag.text) for tag in tags)
        return
    scheme = _SCHEME.match(address)
    if scheme is None or address.startswith("//"):
        yield _local(address, hosts, what)
        return
    kind = scheme[1].lower()
    if kind in ("http", "https"):
        yield from _online(address, kind, hosts, what)
    elif kind == "cid" and is_picture:
        return
    elif kind == "data" and is_picture:
        return  # support.py says who does not show it
    elif is_picture or kind not in ("mailto", "tel", "sms"):
        yield Found("L308", f"{what} is of the kind {kind}:, which mail programs do not follow", (address[:80],))


def _local(address: str, hosts: Hosts, what: str) -> Found:
    path = address.split("?")[0].split("#")[0]
    if address.startswith("//"):
        words = f"{what} leads to {_short(address)}, which has no https: before it"
    elif hosts.is_file(path):
        words = f"{what} leads to the file {path} of your workspace, which no reader can open: put it online"
    else:
        words = f"{what} leads to {_short(address)}, which is neither an https:// address nor a file of the workspace"
    return Found("L305", words, (address,))


def _online(address: str, scheme: str, hosts: Hosts, what: str) -> Iterator[Found]:
    host = host_of(address)
    if not host:
        yield Found("L305", f"{what} leads to {_short(address)}, which has no host", (address,))
        return
    if not _is_ip(host) and ("." not in host or host.endswith(_AT_HOME)):
        yield Found("L305", f"{what} leads to {host}, which no reader can reach", (address, host))
    if scheme == "http":
        yield Found("L301", f"{what} is at http://: {_short(address)}", (address, f"http://{host}"))
    if host.removeprefix("www.") in SHORTENERS:
        yield Found("L302", f"{what} goes through the shortener {host}: {_short(address)}", (address, host))
    if _is_ip(host):
        yield Found("L303", f"{what} leads to the IP address {host}", (address, host))
    if _TOKEN.search(address) and host not in hosts.own:
        yield Found("L307", f"{what} hands a signed link of mailflow to {host}, which is not yours", (host,))


def pixel(address: str, hosts: Hosts) -> Iterator[Found]:
    """Yield what is wrong with a picture of one pixel."""
    host = host_of(address)
    if host and host not in hosts.own:
        yield Found("L307", f"a tracking pixel is at {host}, which is not yours", (address, host))


def misleading(words: str, address: str) -> Iterator[Found]:
    """Yield that the words of a link are an address, of a page or of mail, at another site than where it leads."""
    shown = " ".join(words.split()).strip(AROUND)
    if " " in shown:
        return
    mail = _MAIL_WORDS.match(shown)
    match = mail or _ADDRESS_WORDS.match(shown)
    if match is None:
        return
    host, leads = match["host"].lower(), host_of(address) or _mail_host(address)
    is_sure = mail or "/" in shown or "www." in shown or host.rpartition(".")[2] in _COMMON_ENDS
    if not leads or not is_sure:
        return  # e.g. a file name such as list.pdf
    if not _same_site(host, leads):
        yield Found("L304", f"the link says {_short(shown)!r} and leads to {leads}", (address, shown))


def digits(phone: object) -> str:
    """Return the last digits of a phone number, an empty text where there are too few to tell anybody apart."""
    found = re.sub(r"\D", "", str(phone or ""))[-9:]
    return found if len(found) >= 7 else ""


def with_person(address: str, email: str, phone: str) -> bool:
    """Whether an address in a message holds the reader's own e-mail address or phone number in clear."""
    if address.lower().startswith("tel:"):
        return False
    plain = unquote(address).lower()
    return email in plain or bool(phone and phone in re.sub(r"[\s()/+-]", "", plain))


def before(address: str, email: str) -> str:
    """Return an address up to what is the reader's own, to look it up in the sources."""
    plain = unquote(address)
    at = plain.lower().find(email)
    return plain[:at] if at > 0 else plain.partition("?")[0]


def host_of(address: str) -> str:
    """Return the host of an address in lower case, an empty text where it has none."""
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


def _mail_host(address: str) -> str:
    """Return the domain of a `mailto:` link to one address, an empty text of any other."""
    scheme, _, rest = address.strip().partition(":")
    to = unquote(rest.partition("?")[0])
    return to.rpartition("@")[2].lower() if scheme.lower() == "mailto" and "," not in to else ""


def _same_site(one: str, other: str) -> bool:
    one, other = one.removeprefix("www."), other.removeprefix("www.")
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return bool(re.fullmatch(r"\d{6,10}|0x[0-9a-f]+", host))
    return True


def _short(text: str) -> str:
    return text if len(text) <= 70 else f"{text[:69]}…"
