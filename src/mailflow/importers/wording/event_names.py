"""What other tools call what happened, as tables: `Viewed Product`, `view_item`, `Abgeschlossen`. Ours: tracking.vocabulary.

Words are compared by `words.fold`. A word that no table has is taken as it is, in snake_case, and listed in a warning.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType

from mailflow.importers.nouns import Noun
from mailflow.importers.wording.words import fold
from mailflow.tracking.vocabulary import VOCABULARY

NOTHING = ""  # a word that says that nothing has happened yet

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MADE_BY = re.compile(r"^\$|^ecommerce[._]|^track[:._]|^event[:._]")
_PAGE_WORDS = "viewed view visited visit hit browsed seen"


def _table(rows: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType({fold(word): name for name, text in rows.items() for word in text.split()})


# What several kinds of files may say.
ANYWHERE = _table(
    {
        "page_viewed": """page_view pageview page_viewed viewed_page page_visit page_visited visited_page visit_page page screen screen_view
            viewed_screen active_on_site time_on_page page_time page_left page_leave landing_page_viewed seite_angesehen pagina_vista""",
        "product_viewed": """view_item viewed_product product_view product_viewed view_product product_detail_viewed item_viewed view_content
            viewcontent viewed_item product_page_viewed product_visited product_page product_clicked select_item""",
        "category_viewed": """view_item_list viewed_category viewed_collection collection_viewed category_view category_viewed view_category
            product_list_viewed list_viewed viewed_product_list collection_view""",
        "searched": """search searched products_searched product_searched site_search view_search_results submitted_search search_submitted
            searched_site search_performed""",
        "wishlisted": "add_to_wishlist added_to_wishlist product_added_to_wishlist wishlist_add wishlist_added favorited",
        "cart_updated": """add_to_cart added_to_cart product_added product_added_to_cart remove_from_cart removed_from_cart product_removed
            product_removed_from_cart cart_update cart_updated updated_cart cart_viewed view_cart viewed_cart cart_created cart_changed
            item_added item_removed basket_updated addtocart""",
        "cart_emptied": "cart_emptied emptied_cart cart_cleared clear_cart cart_deleted empty_cart cart_empty basket_emptied",
        "cart_abandoned": "cart_abandoned abandoned_cart abandon_cart checkout_abandoned abandoned_checkout basket_abandoned",
        "checkout_started": """begin_checkout checkout_started started_checkout initiate_checkout initiatecheckout checkout_initiated
            checkout_begun checkout_step_viewed checkout_created proceed_to_checkout""",
        "checkout_completed": """checkout_completed completed_checkout checked_out checkedout purchase order_completed placed_order order_placed
            completed_order ordered bought cart_converted cart_recovered cart_completed""",
        "delivered": "delivered received_email email_delivered email_sent sent_email received message_delivered email_received",
        "opened": "opened open opens opened_email email_opened email_open message_opened",
        "clicked": "clicked click clicks clicked_email email_clicked email_click clicked_link link_clicked message_clicked",
        "bounced": "bounced bounce hard_bounce soft_bounce email_bounced bounced_email hard_bounced soft_bounced",
        "deferred": "deferred delayed",
        "complained": """complained complaint spam_complaint spam marked_as_spam marked_email_as_spam abuse abuse_report spamreport
            spam_report email_spam reported_spam""",
        "unsubscribed": """unsubscribed unsubscribe unsub unsubs unsubscribed_from_list unsubscribed_from_email_marketing email_unsubscribed
            opt_out opted_out global_unsubscribe group_unsubscribe list_unsubscribe""",
        "subscribed": "subscribed subscribe subscribed_to_list subscribed_to_email_marketing newsletter_signup opt_in opted_in",
        "replied": "replied reply email_replied",
        "ticket_opened": "ticket_opened ticket_created opened_ticket created_ticket case_opened conversation_started support_requested",
        "ticket_closed": "ticket_closed ticket_solved ticket_resolved closed_ticket case_closed conversation_closed",
        "ticket_replied": "ticket_replied ticket_answered ticket_updated agent_replied",
        "ticket_reopened": "ticket_reopened reopened_ticket",
        "ticket_rated": "ticket_rated rated_ticket satisfaction_rated csat_submitted",
        "survey_answered": "survey_answered survey_completed answered_survey survey_response survey_submitted nps_submitted",
        "form_submitted": "form_submitted submitted_form form_submit generate_lead form_completed lead_created",
        "reviewed": "reviewed review_created submitted_review product_reviewed review_submitted left_review",
        "booking_made": "booking_made booking_created appointment_booked appointment_created booked_appointment reservation_made",
        "booking_changed": "booking_changed appointment_rescheduled booking_rescheduled",
        "booking_cancelled": "booking_cancelled booking_canceled appointment_cancelled appointment_canceled cancelled_appointment",
        "booking_attended": "booking_attended appointment_completed appointment_attended attended_event checked_in",
        "booking_missed": "booking_missed no_show noshow appointment_missed missed_appointment",
        "signed_up": "signed_up sign_up signup account_created created_account user_created registered register registration user_signed_up",
        "logged_in": "logged_in login log_in signed_in sign_in signin user_logged_in session_start session_started app_opened opened_app",
        "feature_used": "feature_used used_feature feature_use feature feature_usage",
        "trial_started": "trial_started start_trial started_trial trial_begun",
        "trial_ended": "trial_ended trial_expired trial_finished ended_trial",
        "plan_changed": """plan_changed changed_plan plan_upgraded upgraded_plan plan_downgraded upgraded downgraded upgrade downgrade
            subscription_updated subscription_changed""",
        "subscription_started": "subscription_started subscription_created started_subscription",
        "subscription_renewed": "subscription_renewed renewed_subscription renewed",
        "subscription_cancelled": "subscription_cancelled subscription_canceled cancelled_subscription canceled_subscription churned",
        "payment_failed": "payment_failed invoice_payment_failed charge_failed failed_payment",
    }
)  # fmt: skip

# What the statuses and actions of one kind of file mean there.
OF_NOUN: Mapping[Noun, Mapping[str, str]] = {
    Noun.CARTS: _table(
        {
            "cart_updated": """updated update open active added removed created changed in_progress pending new viewed offen aktiv
                aktualisiert actualizado abierto ouvert aperto""",
            "cart_abandoned": "abandoned lost verlassen abgebrochen abandonado abandonne abbandonato",
            "cart_emptied": "emptied empty cleared deleted discarded removed_all geleert vaciado vide svuotato",
            "checkout_started": "checkout started_checkout checkout_started kasse",
            "checkout_completed": """checked_out checkedout completed complete converted recovered ordered purchased paid won closed bought
                bestellt gekauft abgeschlossen comprado recuperado commande recupere acquistato""",
        }
    ),
    Noun.ENGAGEMENT: _table(
        {
            "delivered": "sent send delivery processed successful zugestellt gesendet enviado entregado envoye inviato",
            "opened": "geoffnet abierto ouvert aperto open_rate unique_open first_open",
            "clicked": "geklickt clic clique cliccato unique_click",
            "bounced": "hard soft dropped undelivered rejected failed invalid blocked hardbounce softbounce",
            "complained": "beschwerde junk",
            "unsubscribed": "abgemeldet baja desuscrito desabonne disiscritto",
        }
    ),
    Noun.TICKETS: _table(
        {
            "ticket_opened": """open opened new created pending hold on_hold waiting unresolved active in_progress waiting_on_customer
                waiting_on_contact waiting_on_us assigned submitted offen neu wartend abierto nuevo pendiente ouvert nouveau
                en_cours aperto nuovo apen""",
            "ticket_closed": """closed close solved resolved done completed complete finished archived geschlossen gelost erledigt cerrado
                resuelto ferme resolu chiuso risolto gesloten""",
            "ticket_replied": "replied answered responded reply response comment commented beantwortet respondido repondu",
            "ticket_reopened": "reopened re-opened wiedereroffnet reabierto rouvert riaperto",
            "ticket_rated": "rated rating feedback bewertet",
        }
    ),
    Noun.BOOKINGS: _table(
        {
            "booking_made": """booked confirmed scheduled reserved accepted approved active upcoming open pending new created registered paid
                requested waitlisted gebucht bestatigt geplant angemeldet reservado confirmado reserve confirme prenotato confermato""",
            "booking_changed": "rescheduled moved changed postponed verschoben reprogramado reporte spostato",
            "booking_cancelled": """cancelled canceled cancel declined refunded withdrawn storniert abgesagt cancelado anulado annule
                annullato late_cancel late_cancelled late_canceled deleted""",
            "booking_attended": """attended completed complete done present arrived checked_in showed show visited seated finished fulfilled
                served erschienen teilgenommen anwesend asistio venu presente""",
            "booking_missed": """missed no_show no-show noshow absent did_not_attend did_not_show nicht_erschienen abwesend
                no_asistio absente assente""",
        }
    ),
    Noun.SOCIAL: _table(
        {
            "followed": "follow follower followed new_follower subscribe subscribed folgt",
            "unfollowed": "unfollow unfollowed lost_follower",
            "mentioned": "mention mentioned tag tagged story_mention erwahnt",
            "commented": "comment commented reply replied kommentar comentario commentaire",
            "liked": "like liked favorite favourite reaction reacted love hearted gefallt",
            "shared": "share shared retweet retweeted repost reposted boost quote quoted story_share saved geteilt",
            "messaged": "message messaged dm direct_message inbox nachricht mensaje",
        }
    ),
    Noun.ANSWERS: _table({"form_submitted": "form lead submitted submission", "survey_answered": "survey answered response completed"}),
    Noun.EVENTS: _table(
        {
            "feature_used": "used use",
            "trial_started": "trial",
            "opened": "",
        }
    ),
}  # fmt: skip
_VISITS = frozenset(map(fold, _PAGE_WORDS.split()))
HARD = frozenset(
    map(fold, "hard hard_bounce hard_bounced hardbounce permanent invalid undetermined_hard 5 rejected".split())
)
SOFT = frozenset(map(fold, "soft soft_bounce soft_bounced softbounce transient temporary 4 deferred blocked".split()))


def event_name(noun: Noun, word: str, has: Collection[str] = ()) -> tuple[str, bool]:
    """Return the name of what a word says happened, and whether anybody knows that word.

    `has` are the properties of the row: what was *viewed* is a product, a category or a page by what the row names.
    """
    folded = fold(_MADE_BY.sub("", word.strip()))
    known = OF_NOUN.get(noun, {}).get(folded) or ANYWHERE.get(folded)
    if known:
        return known, True
    if folded in _VISITS:
        return viewed(has), True
    name = snake(word)
    return name, name in VOCABULARY


def viewed(has: Collection[str]) -> str:
    """Return what was viewed by a row that has these properties."""
    if "product_id" in has or "product" in has or "sku" in has:
        return "product_viewed"
    return "category_viewed" if "category" in has and "url" not in has else "page_viewed"


def snake(word: str) -> str:
    """Return a word as a name: `Gift Card Redeemed` and `giftCardRedeemed` are `gift_card_redeemed`."""
    spaced = _CAMEL.sub(" ", word.strip())
    return "_".join("".join(char if char.isalnum() else " " for char in spaced).lower().split())
