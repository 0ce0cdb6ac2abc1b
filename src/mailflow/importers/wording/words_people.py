"""Files about people and their consent: contacts, sign-ups of a form, addresses that get nothing. The headers: words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mailflow.importers.nouns import Noun
from mailflow.importers.recognition.noun_words import NounWords, need, signs
from mailflow.importers.wording.words import CONTACT_WORDS, PERSON_WORDS, table

# Fields that several columns may give: the first that is filled, or what all of them say together.
_MANY = frozenset(
    """phone consent doubtful_consent unconfirmed opt_out hard_bounced complained suppressed consent_at opted_in_at evidence wording other_emails tags lists
    unsubscribed_lists source""".split()
)
_SIGNUP_WORDS = CONTACT_WORDS | table(
    {
        "opted_in_at": """submitted_at submitted submission_date submit_time form_submitted_at created_at created date_created
            date time datetime date_time timestamp datum zeitpunkt zeitstempel occurred_at""",
        "evidence": "ip ip_address client_ip remote_ip user_agent referrer referer",
        "wording": "text version consent_text_version privacy_version terms_version",
        "source": "form form_name form_id page page_url url utm_campaign",
    }
)
_SUPPRESSION_WORDS = {
    word: name for word, name in PERSON_WORDS.items() if name in {"email", "customer_id", "phone"}
} | table(
    {
        "email": "address recipient email_recipient emailaddress",
        "suppression_reason": """suppression_reason suppressed_reason suppression_type reason_for_suppression suppression
            suppressionreason bounce_type complaint_type reason""",
        "suppressed_at": """suppressed_at suppression_date suppressed_on date_suppressed blocked_at bounced_at complained_at
            unsubscribed_at createdat created_at created lastupdatetime last_update_time timestamp date time""",
        "evidence": """bounce_reason error code smtp_code diagnostic_code description details message bounce_message origin
            smtp_response response""",
    }
)
_AN_ADDRESS = (need("an e-mail column", "email"),)

WORDS: Mapping[Noun, NounWords] = MappingProxyType(
    {
        Noun.CONTACTS: NounWords(
            CONTACT_WORDS,
            (need("an e-mail column (or customer ids, or phones)", "email", "customer_id", "phone"),),
            more_fields=("attributes_json", "doubtful_consent"),
            many=_MANY,
        ),
        Noun.SIGNUPS: NounWords(
            _SIGNUP_WORDS, _AN_ADDRESS, signs("email+opted_in_at+wording"), many=_MANY, more_fields=("attributes_json",)
        ),
        Noun.SUPPRESSIONS: NounWords(
            _SUPPRESSION_WORDS,
            _AN_ADDRESS,
            signs("email+suppression_reason+suppressed_at"),
            more_fields=("lists",),
            many=frozenset({"phone", "evidence"}),
            keeps_others=False,
        ),
    }
)
