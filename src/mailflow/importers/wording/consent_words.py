"""The words with which other tools say whether somebody may be mailed, as tables. What a cell says: consent.

Compared by `words.fold`: lower case, no accents, only letters and digits. A tool's own words: tools/*.yaml.
"""

from __future__ import annotations

import re

from mailflow.importers.wording.words import fold
from mailflow.model import SuppressionReason

_BETWEEN_WORDS = re.compile(r"[,;|:\[\]{}\"]+")
_ASIDE = re.compile(r"\s*\([^()]*\)\s*\Z")


def _folded(words: str) -> frozenset[str]:
    return frozenset(map(fold, words.split()))


CONSENT_YES = _folded(
    """yes y true 1 x on ja si sim oui wahr vero verdadero vrai kylla tak ano igen da subscribed subscriber opt-in optin
    opted-in opted_in confirmed express explicit granted accepted abonniert angemeldet eingewilligt suscrito
    inscrit abonne iscritto prenumererar prenumerant abonnert ingeschreven aangemeld double_opt-in single_opt-in not_on_the_blocklist"""
) | {"✓", "✔", "☑"}  # signs, which `fold` leaves nothing of: folded they would make a yes of a blank cell
CONSENT_IMPLIED = frozenset({"implied", "implicit", "impliziert"})
PLAIN_NO = _folded("no n false 0 off nein nej non nao não ne nee ei nie nem falsch falso faux")
OPTED_OUT = _folded(
    """unsubscribed unsubscribe unsubscribes unsub opt-out optout opted-out opted_out revoked withdrawn refused
    denied declined removed abgemeldet widerrufen desuscrito baja desabonne desinscrit disiscritto avregistrerad
    avmeldt afmeldt uitgeschreven unsubscribed_by_admin do_not_email abmeldung unsubscription group_unsubscribe list_unsubscribe
    global_unsubscribe manual_unsubscribe"""
)
CONSENT_PENDING = _folded(
    """pending unconfirmed waiting ausstehend awaiting_confirmation pendiente confirmation_pending
    double_opt_in_pending not_confirmed awaiting"""
)
CONSENT_SILENT = _folded(
    """never_subscribed not_subscribed non-subscribed nonsubscribed never unknown none n/a na null transactional
    active inactive enabled disabled unbekannt desconocido inconnu [] -"""
) | {""}

# An address that gets nothing at all. All but a bounce are a no of the person, or of the owner, as well.
_SUPPRESSED = {
    SuppressionReason.HARD_BOUNCE: """cleaned bounced bounce bounces hard_bounce hardbounce hard_bounced hard permanent
        permanent_fail permanent_failure invalid invalid_email invalid_address undeliverable unreachable nonexistent
        unzustellbar mailbox_not_found unknown_user bad_mailbox rebote rebotado""",
    SuppressionReason.COMPLAINT: """complained complaint complaints spam spam_complaint spam_complaints spam_report
        spam_reports spamreport spam_notification abuse junk marked_as_spam reported_spam feedback_loop""",
    SuppressionReason.MANUAL: """suppressed user_suppressed manually_suppressed manual_suppression blocked blocklisted
        blocklist blacklisted blacklist banned admin_block gesperrt bloqueado""",
}
SUPPRESSED = {word: reason for reason, words in _SUPPRESSED.items() for word in _folded(words)}
# A bounce that passes says nothing about the address.
SOFT_BOUNCE = _folded(
    """soft soft_bounce softbounce soft_bounced temporary temporary_fail transient mailbox_full full_mailbox
    undetermined dns_timeout delayed deferred"""
)


def words_of(cell: str) -> list[str]:
    """Return the words of a cell that may hold a list of them, folded: `["HARD_BOUNCE", "UNSUBSCRIBE"]` has two."""
    return [word for part in _BETWEEN_WORDS.split(cell) if (word := word_of(part))]


def word_of(cell: str) -> str:
    """Return the word of a cell, folded, without what stands in brackets behind it: `subscribed (1)` is one."""
    return fold(_ASIDE.sub("", cell))
