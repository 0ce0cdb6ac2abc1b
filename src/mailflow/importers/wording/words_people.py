"""Files about people and their consent: contacts, sign-ups of a form, addresses that get nothing. The headers: words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mailflow.importers.nouns import Noun
from mailflow.importers.recognition.noun_words import NounWords, need, signs
from mailflow.importers.wording.words import CONTACT_WORDS, PERSON_WORDS, fold, table

# Fields that several columns may give: the first that is filled, or what all of them say together.
_MANY = frozenset(
    """phone consent doubtful_consent unconfirmed opt_out hard_bounced complained suppressed consent_at opted_in_at evidence wording other_emails tags lists
    unsubscribed_lists source created_at""".split()
)
# Columns of contacts that stay attributes and tell since when a shop or an old tool knows them.
KNOWN_SINCE_WORDS = frozenset(
    map(
        fold,
        """created_at created created_on created_date created_time creation_date creation_time date_created create_date date_of_creation
        created_at_(utc) created_at_(utc+0) created_date_(utc) profile_created profile_created_at profile_created_on profile_created_date
        contact_created contact_created_at contact_created_date contact_creation_date account_created account_created_at account_created_on account_creation_date
        customer_created customer_created_at customer_created_date person_created person_-_person_created customer_creation_date user_created user_registered
        added added_at added_on added_time added_date date_added contact_added date_added_to_list joined joined_at joined_on join_date joined_date date_joined
        registered registered_at registered_on registration_date registration_time date_registered date_of_registration signed_up sign_up signup sign_up_time
        member_since customer_since client_since subscriber_since known_since user_since since first_seen first_seen_at first_seen_on first_contact first_contact_date
        first_order first_order_at first_order_on first_order_date date_first_order first_purchase first_purchase_at first_purchase_date date_of_first_purchase
        first_bought_at first_donation first_donation_date first_gift_date first_visit first_visit_date
        erstellt erstellt_am erstellt_um erstelldatum erstellungsdatum angelegt angelegt_am anlagedatum anlage_am erfasst_am erfassungsdatum hinzugefugt_am
        registriert_am registrierungsdatum registriert_seit kunde_seit kundin_seit kunden_seit mitglied_seit bekannt_seit eintrittsdatum beitrittsdatum beitritt
        erste_bestellung erste_bestellung_am erstbestellung erstkauf erster_kauf erstkontakt erstbesuch
        creado creado_el creado_en fecha_de_creacion fecha_creacion fecha_de_alta fecha_alta fecha_de_registro fecha_registro alta cliente_desde socio_desde
        miembro_desde primera_compra fecha_primera_compra primer_pedido
        cree_le date_de_creation date_creation date_d_ajout ajoute_le client_depuis cliente_depuis membre_depuis date_d_adhesion date_adhesion premiere_commande
        date_premiere_commande premier_achat
        creato_il data_creazione data_di_creazione aggiunto_il data_registrazione data_di_registrazione registrato_il cliente_dal cliente_da socio_dal primo_ordine
        primo_acquisto
        aangemaakt aangemaakt_op aanmaakdatum toegevoegd_op registratiedatum klant_sinds lid_sinds eerste_bestelling
        oprettet oprettet_den oprettelsesdato kunde_siden medlem_siden opprettet opprettet_dato skapad skapad_den kund_sedan medlem_sedan
        registreringsdato registreringsdatum forste_ordre luotu liittymispaiva asiakas_alkaen
        data_utworzenia data_rejestracji klient_od data_de_criacao criado_em data_de_cadastro data_cadastro""".split(),
    )
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
            more_fields=("attributes_json", "doubtful_consent", "created_at"),
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
