"""What an SMTP reply means for the message, the recipient and the run. Pure. How replies are read: smtp.py.

The basic code says whether a refusal is for now or for good, the enhanced code (RFC 3463) whose fault it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from mailflow.model import MessageState


class Stage(StrEnum):
    """How far a message had got when the reply came."""

    CONNECT = "connect"  # up to the login, and RSET between messages
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"  # up to and with the body; the dot was not sent
    DOT = "dot"  # the dot was sent


class Fault(StrEnum):
    """Who has to do something about a refusal."""

    NONE = "none"
    ADDRESS = "address"  # the address does not exist: suppress it
    MESSAGE = "message"  # this message or mailbox; try again, or not
    RELAY = "relay"  # the relay or the line: not counted against the message
    SENDER = "sender"  # our domain or its DNS: stop the campaign before it hurts the reputation
    LOGIN = "login"  # our credentials: stop the run


@dataclass(frozen=True, slots=True)
class Reply:
    """A relay's answer. Code 0 means that there was none, -1 that it could not be read."""

    stage: Stage
    code: int
    text: str

    @property
    def is_positive(self) -> bool:
        return 200 <= self.code < 300

    def __str__(self) -> str:
        return f"{self.code} {self.text}" if self.code > 0 else self.text


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of the message."""

    state: MessageState
    fault: Fault
    reason: str | None = None


# Gmail's and Microsoft's words for "your domain lacks SPF, DKIM, DMARC, reverse DNS or TLS", as 4.7.x and 5.7.x.
_SENDER_CODES = frozenset({"7.23", "7.24", "7.25", "7.26", "7.27", "7.29", "7.30", "7.31", "7.32", "7.40", "7.515"})
_ADDRESS_CODES = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})
_LOGIN_CODES = frozenset({530, 534, 535, 538})
_ENHANCED = re.compile(r"(?:\A|\s)([245]\.\d{1,3}\.\d{1,3})(?=\s|\Z)")


def enhanced_code(text: str) -> str | None:
    """Return the enhanced status code (RFC 3463) in a reply's text, such as `5.1.1`, or None."""
    match = _ENHANCED.search(text[:200])
    return match[1] if match else None


def judge(reply: Reply) -> Judgement:
    """Return what a reply means. Only a 2xx after the dot is ever "accepted"."""
    if reply.stage is Stage.DOT:
        if reply.is_positive:
            return Judgement(MessageState.ACCEPTED, Fault.NONE)
        if not 400 <= reply.code < 600:
            return Judgement(MessageState.IN_DOUBT, Fault.RELAY, "no_readable_reply")
    return _refusal(reply, enhanced_code(reply.text))


def _refusal(reply: Reply, enhanced: str | None) -> Judgement:
    if reply.code in _LOGIN_CODES:
        return Judgement(MessageState.DEFERRED, Fault.LOGIN, "login_refused")
    if not 400 <= reply.code < 600:
        return Judgement(MessageState.DEFERRED, Fault.RELAY, "relay_unavailable")
    if enhanced and enhanced[2:] in _SENDER_CODES:
        return Judgement(MessageState.DEFERRED, Fault.SENDER, "sender_refused")
    if reply.code == 421 or reply.stage is Stage.CONNECT or (reply.stage is Stage.MAIL and reply.code < 500):
        return Judgement(MessageState.DEFERRED, Fault.RELAY, "relay_unavailable")  # said before it knew the recipient
    if reply.code < 500:
        return Judgement(MessageState.DEFERRED, Fault.MESSAGE, "not_now")
    if reply.stage is Stage.MAIL and reply.code != 552:
        return Judgement(MessageState.DEFERRED, Fault.SENDER, "sender_refused")
    if enhanced in _ADDRESS_CODES and reply.stage in {Stage.RCPT, Stage.DOT}:
        return Judgement(MessageState.FAILED, Fault.ADDRESS, "hard_bounce")
    return Judgement(MessageState.FAILED, Fault.MESSAGE, "refused")
