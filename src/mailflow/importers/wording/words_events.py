"""Header words of files of what happened: carts, visits, old campaigns, tickets, answers, bookings, social.

What the words in their cells mean: event_names. People: words; the other kinds: words_registers. A column that nobody
knows is kept as a property of the event under its own name.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mailflow.importers.nouns import Noun
from mailflow.importers.recognition.noun_words import NounWords, need, signs
from mailflow.importers.wording.words import PERSON_WORDS, fold, table

# What JSON of other tools puts its properties under; the reader of JSON joins the names with points.
_UNDER = (
    "properties",
    "event_properties",
    "props",
    "data",
    "payload",
    "context",
    "user",
    "customer",
    "person",
    "profile",
)

_WHO = {
    word: field
    for word, field in PERSON_WORDS.items()
    if field in ("email", "customer_id", "phone", "first_name", "last_name", "full_name", "visitor") and word != "name"
}
_NAME = "event event_name eventname action activity event_action event_type interaction interaction_type metric ereignis evento evenement aktion"
# A column `time` is the time of day where there is a date beside it, else the whole instant.
_TIME = """occurred_at timestamp event_time event_timestamp event_date event_datetime happened_at datetime date_time at ts
    original_timestamp logged_at received_at date datum fecha data zeitpunkt zeitstempel date_heure created_at created
    recorded_at sent_at utc_time used_at event_created_at happened_on occurred_on created_time"""
_CLOCK = "time time_of_day uhrzeit zeit hora heure hour ora"
_PRODUCT = {
    "product_id": "product_id item_id variant_id product_sku_id produkt_id id_producto id_produit content_id",
    "sku": "sku item_sku stock_code artikelnummer artikelnr",
    "product": "product product_name product_title item item_name item_title produkt produktname producto produit prodotto lineitem_name",
    "category": "category product_category item_category collection kategorie categoria categorie",
    "price": "price unit_price item_price product_price preis einzelpreis precio prix prezzo",
    "quantity": "quantity qty menge anzahl cantidad quantite quantita",
}
_VALUE = {
    "value": "value amount total revenue total_value betrag wert gesamt summe valor importe montant importo",
    "currency": "currency currency_code wahrung moneda devise valuta",
}
_MOMENT_WORDS: Mapping[Noun, Mapping[str, str]] = {
    Noun.CARTS: {
        "cart_abandoned_at": "abandoned_at abandoned_on abandonment_time",
        "checkout_started_at": "checkout_started_at checkout_at",
        "checkout_completed_at": "checkout_completed_at completed_at recovered_at converted_at ordered_at checked_out_at purchased_at",
        "cart_emptied_at": "emptied_at cleared_at",
    },
    Noun.ENGAGEMENT: {
        "delivered_at": "delivered_at sent_at send_time sent sent_on send_date date_sent delivered delivery_time sent_date",
        "opened_at": "opened_at open_time opened open first_open first_opened_at open_date opened_on date_opened last_open opens",
        "clicked_at": "clicked_at click_time clicked click first_click clicked_on click_date date_clicked last_click clicks",
        "bounced_at": "bounced_at bounce_time bounced bounce_date",
        "complained_at": "complained_at complaint_time complained spam marked_spam abuse spam_complaint",
        "unsubscribed_at": "unsubscribed_at unsubscribe_time unsubscribed unsubscribe_date unsub_time opted_out_at unsubscribes",
        "replied_at": "replied_at replied reply_time",
    },
    Noun.TICKETS: {
        "ticket_opened_at": """opened_at created_time created_at created created_on date_created opened submitted_at requested_at ticket_created_at
            created_date create_date creation_date erstellt_am erstellt geoffnet_am fecha_de_creacion cree_le creato_il""",
        "ticket_replied_at": "replied_at first_replied_at first_response_at first_reply_at first_response_time_at answered_at",
        "ticket_reopened_at": "reopened_at",
        "ticket_closed_at": """closed_at resolved_time closed_time solved_at resolved_at completed_at closed_on date_closed resolved_on close_date closed_date
            resolved_date geschlossen_am gelost_am cerrado_el ferme_le chiuso_il closed solved resolved""",
    },
    Noun.SOCIAL: {"followed_at": "followed_at follow_date followed_on"},
    Noun.BOOKINGS: {
        "booking_made_at": """booked_at event_created_date_time booked_on created_at created created_on date_booked booking_created booking_made_at reserved_at
            registered_at registered_on date_scheduled registration_date registration_time order_date gebucht_am erstellt_am reservado_el reserve_le""",
        "booking_cancelled_at": "cancelled_at canceled_at cancelled_on cancellation_date canceled_on storniert_am cancelled canceled",
        "booking_attended_at": """checked_in_at check_in_time checkin_time attended_at arrived_at attended checked_in showed_up
            present teilgenommen erschienen asistio present_at""",
        "booking_missed_at": "missed_at no_show missed no_shows noshow nicht_erschienen",
    },
}  # fmt: skip


# Columns that are times of their own: field → the event that happened then.
MOMENTS: Mapping[Noun, Mapping[str, str]] = MappingProxyType(
    {noun: {field: field.removesuffix("_at") for field in rows} for noun, rows in _MOMENT_WORDS.items()}
)


def _words(rows: Mapping[str, str]) -> Mapping[str, str]:
    """Return header words with those of people behind them; each also as a property in JSON."""
    plain = table(rows)
    every = plain | {word: field for word, field in _WHO.items() if word not in plain}
    nested = {fold(under) + word: field for under in _UNDER for word, field in every.items()}
    return MappingProxyType(every | {word: field for word, field in nested.items() if word not in every})


_SOMEBODY = need(
    "a column that tells the person (e-mail, customer id, phone, or the id of a visitor)",
    "email", "customer_id", "phone", "visitor",
)  # fmt: skip

WORDS: Mapping[Noun, NounWords] = MappingProxyType(
    {
        Noun.EVENTS: NounWords(
            _words(
                {
                    "name": _NAME,
                    "type": "type name verb kind_of_event what",
                    "occurred_at": _TIME + " visited_at viewed_at start_time",
                    "time": _CLOCK,
                    "event_id": "event_id message_id eventid insert_id event_uuid uuid id",
                    "customer_id": "user_id userid account_id member_id",
                    "url": "url page_url page page_location page_path path link landing_page seite pagina",
                    "title": "page_title title",
                    "query": "query search_query search_term search_terms keyword suchbegriff",
                    "seconds": """seconds duration_seconds duration time_on_page time_on_page_seconds time_on_page_s time_spent dwell_time
                        session_seconds engagement_seconds verweildauer""",
                    "referrer": "referrer referer",
                    "feature": "feature feature_name module funktion",
                    "plan": "plan plan_name subscription_plan tarif",
                    "count": "count times uses event_count",
                    "cart_id": "cart_id cart_token checkout_id",
                    **_PRODUCT,
                    **_VALUE,
                }
            ),
            (
                _SOMEBODY,
                need("a time", "occurred_at", "time"),
                need("a column that says what happened", "name", "type", "url", "product", "product_id", "query", "feature"),
            ),
            signs(
                *(
                    f"{what}+{when}"
                    for when in ("occurred_at", "time")
                    for what in ("name", "visitor", "url+customer_id", "url+email", "feature", "type+url", "type+product_id",
                                 "type+customer_id", "query")
                )
            ),
        ),
        Noun.CARTS: NounWords(
            _words(
                {
                    "cart_id": """cart_id cart_token cart checkout_id checkout_token abandoned_checkout_id abandoned_cart_id cart_key
                        warenkorb_id warenkorb carrito_id id_carrito panier_id id_panier carrello_id""",
                    "name": _NAME,
                    "status": "status cart_status state cart_state checkout_status estado statut stato",
                    "occurred_at": """updated_at last_updated last_updated_at cart_updated_at last_activity last_activity_at modified_at
                        modified last_modified aktualisiert_am """
                    + _TIME,
                    "time": _CLOCK,
                    "event_id": "event_id id",
                    "items": "items products line_items cart_items contents cart_contents lines artikel productos produits",
                    "url": "cart_url checkout_url recovery_url abandoned_checkout_url recover_url url",
                    "order_id": "order_id order_number order",
                    **_PRODUCT,
                    "value": "cart_value cart_total total_price subtotal cart_subtotal warenwert " + _VALUE["value"],
                    "currency": "cart_currency " + _VALUE["currency"],
                    **_MOMENT_WORDS[Noun.CARTS],
                }
            ),
            (
                _SOMEBODY,
                need("a time", "occurred_at", "time", "cart_abandoned_at", "checkout_started_at", "checkout_completed_at"),
            ),
            signs("cart_id", "cart_abandoned_at"),
            beats=frozenset({Noun.ORDERS}),
        ),
        Noun.ENGAGEMENT: NounWords(
            _words(
                {
                    "name": _NAME + " status engagement email_event message_event result",
                    "type": "type",
                    "occurred_at": "action_time activity_time activity_date action_date " + _TIME,
                    "time": _CLOCK,
                    "event_id": "event_id activity_id",
                    "campaign": """campaign campaign_name campaign_title campaign_id newsletter broadcast mailing mailing_name email_name message_name
                        email_title automation automation_name flow_name kampagne campana campagne campagna list_name""",
                    "subject": "subject subject_line email_subject campaign_subject message_subject betreff asunto objet oggetto",
                    "url": "url link clicked_url link_url clicked_link url_clicked",
                    "kind": "bounce_type bounce_kind bounce_category bounce_classification type_of_bounce",
                    "reason": "reason bounce_reason unsubscribe_reason unsub_reason diagnostic grund",
                    "email": "recipient recipient_email to to_email",
                    **_MOMENT_WORDS[Noun.ENGAGEMENT],
                }
            ),
            (
                _SOMEBODY,
                need("a time", "occurred_at", "time", *_MOMENT_WORDS[Noun.ENGAGEMENT]),
                need("a column that says what happened", "name", "type", *_MOMENT_WORDS[Noun.ENGAGEMENT]),
            ),
            signs(
                "name+campaign+email", "name+subject+email", "campaign+opened_at", "campaign+clicked_at", "subject+opened_at",
                "subject+clicked_at", "name+occurred_at+kind",
            ),
        ),
        Noun.TICKETS: NounWords(
            _words(
                {
                    "ticket_id": """ticket_id ticket ticket_number ticket_no ticket_nr ticket_key case_id case_number conversation_id request_id
                        issue_id support_id anfrage_id ticketnummer ticketnr vorgangsnummer numero_de_ticket""",
                    "name": _NAME,
                    "status": "status ticket_status state case_status conversation_status estado statut stato",
                    "occurred_at": "updated_at last_updated updated last_updated_at modified_at " + _TIME,
                    "time": _CLOCK,
                    "event_id": "event_id id",
                    "subject": "subject ticket_subject title topic summary betreff thema asunto sujet oggetto",
                    "priority": "priority urgency prioritat prioridad priorite",
                    "channel": "channel via kanal canal source",
                    "agent": "agent assignee assigned_to agent_name owner bearbeiter agente",
                    "rating": "rating satisfaction csat satisfaction_rating satisfaction_score bewertung",
                    "email": "requester_email requester_e-mail contact_email from from_email reporter_email",
                    "customer_id": "requester_id",
                    "full_name": "requester_name requester name",
                    **_MOMENT_WORDS[Noun.TICKETS],
                }
            ),
            (_SOMEBODY, need("a time", "ticket_opened_at", "occurred_at", "time", "ticket_closed_at")),
            signs("ticket_id", "subject+priority", "subject+agent", "subject+ticket_closed_at"),
        ),
        Noun.ANSWERS: NounWords(
            _words(
                {
                    "occurred_at": "submitted_at submit_date submit_date_(utc) submission_date answered_at responded_at completed_at submitted " + _TIME + " end_date start_date start_date_(utc)",
                    "time": _CLOCK,
                    "event_id": "response_id submission_id answer_id respondent_id entry_id token # event_id",
                    "network": "network_id",
                    "collector": "collector_id",
                    "question": "question question_text question_title frage pregunta domanda",
                    "answer": "answer answer_text response answer_value antwort respuesta reponse risposta",
                    "field": "field field_name variable question_key",
                    "rating": "nps_score nps csat csat_score satisfaction_score",
                    "form": "form survey form_name survey_name survey_title form_title quiz umfrage formular encuesta formulario",
                    "email": "username email_address your_email whats_your_email what's_your_email your_email_address what_is_your_email what_is_your_email_address respondent_email",
                }
            ),
            (_SOMEBODY, need("a time", "occurred_at", "time")),
            signs("question+answer", "rating+occurred_at", "network+event_id", "collector+event_id"),
        ),
        Noun.BOOKINGS: NounWords(
            _words(
                {
                    "booking_id": """booking_id reservation_id appointment_id booking booking_number booking_no booking_reference booking_ref reservation
                        reservation_number confirmation_number confirmation_code registration_id buchung_id buchungsnummer termin_id reserva_id buchungsnr
                        reservierungsnr reservierungsnummer terminnr bookingnr reserveringsnummer numero_de_reserva numero_reserva n_reserva
                        numero_de_reservation n_reservation numero_prenotazione bokningsnummer appointment_number""",
                    "starts_at": """starts_at booked_for scheduled_for scheduled_at start_at start start_date start_datetime start_date_time appointment_date appointment_at appointment
                        booking_start booking_date_time starts begins_at begins class_date session_date event_date reservation_date visit_date arrival
                        arrival_date check_in_date check-in checkin anreise kursbeginn kursdatum kurstermin course_date course_start veranstaltungsdatum fecha_de_la_cita date_du_rendez-vous beginn termin inicio debut inizio date datetime date_time datum fecha data booking_date""",
                    "starts_time": "start_time starts_time appointment_time class_time session_time reservation_time event_time begin_time " + _CLOCK,
                    "ends_at": "ends_at end_at end_date_time end end_time end_date ends booking_end departure check_out_date check-out checkout abreise kursende course_end ende fin fine",
                    "name": "event event_action action event_type",
                    "status": "status booking_status attendee_status ticket_status registration_status appointment_status attendance_status state attendance estado statut stato",
                    "occurred_at": "updated_at last_updated occurred_at timestamp status_changed_at changed_at",
                    "event_id": "event_id id",
                    "service": """service service_name class class_name treatment course course_name workshop appointment_type session event_name
                        event_title event_type_name activity_name activity leistung kurs behandlung servicio clase prestation cours servizio""",
                    "location": "location place room venue branch studio ort ubicacion lieu luogo",
                    "staff": "staff staff_member provider stylist teacher instructor employee practitioner therapist with mitarbeiter profesional",
                    "guests": "guests party_size people covers persons seats participants personen gaste",
                    "reason": "reason cancellation_reason cancel_reason",
                    "email": "invitee_email attendee_email guest_email participant_email",
                    "first_name": "invitee_first_name attendee_first_name",
                    "last_name": "invitee_last_name attendee_last_name",
                    "full_name": "attendee attendee_name guest gast gastname guest_name participant invitee invitee_name name",
                    "value": "price " + _VALUE["value"],
                    "currency": _VALUE["currency"],
                    **_MOMENT_WORDS[Noun.BOOKINGS],
                }
            ),
            (_SOMEBODY, need("a time", "starts_at", "starts_time", "booking_made_at", "occurred_at", ask="starts_at")),
            signs("booking_id", "service+starts_at+status", "service+starts_at+staff", "service+starts_time+staff", "starts_at+booking_attended_at",
                "starts_at+booking_missed_at", "booking_made_at+booking_attended_at", "service+starts_at+starts_time", "service+booking_attended_at", "service+starts_at+ends_at+booking_cancelled_at"),
        ),
        Noun.SOCIAL: NounWords(
            _words(
                {
                    "platform": "platform network social_network plattform red_social reseau",
                    "handle": """handle follower_handle follower username screen_name profile account social_handle instagram_handle twitter_handle
                        profile_name nutzername usuario""",
                    "name": _NAME + " engagement engagement_type",
                    "type": "type kind",
                    "occurred_at": "posted_at " + _TIME,
                    "time": _CLOCK,
                    "event_id": "event_id interaction_id post_id comment_id mention_id",
                    "text": "text message comment content body caption kommentar comentario",
                    "url": "url link post_url permalink post profile_url",
                    "full_name": "display_name name",
                    **_MOMENT_WORDS[Noun.SOCIAL],
                }
            ),
            (need("a column that tells the person (a handle, e-mail or customer id)", "handle", "email", "customer_id", "phone", "visitor"),
             need("a time", "occurred_at", "time", "followed_at"),
             need("a column that says what happened", "name", "type", "followed_at")),
            signs("platform+handle", "platform+followed_at", "platform+name", "platform+type"),
        ),
    }
)  # fmt: skip
