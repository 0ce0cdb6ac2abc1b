"""The words that other tools write: header names and cell values, in several languages, as tables. Rules: recognise.

Headers are compared by `fold`: lower case, no accents, only letters and digits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

_NOT_WORD = re.compile(r"[\W_]+")


def fold(text: str) -> str:
    """Return a word for comparison: `E-Mail ` and `e_mail` are `email`, `Prénom` is `prenom`."""
    if text.isascii():
        return _NOT_WORD.sub("", text.lower())
    decomposed = unicodedata.normalize(
        "NFKD", text.replace("ß", "ss").replace("ø", "o").replace("æ", "ae").replace("ł", "l")
    )
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return _NOT_WORD.sub("", bare.casefold())


def table(words: Mapping[str, str]) -> dict[str, str]:
    """Return words → meaning, folded, of a table meaning → words parted by spaces (`_` within a word is any sign)."""
    return {fold(word): field for field, text in words.items() for word in text.split()}


# Who it is. These mean the same in contacts and in orders.
PERSON_WORDS = table(
    {
        "email": """email e-mail mail email_address e-mail-address emailaddr mail_address e-mail-adresse mailadresse epost e-post
            epostadress epostadresse e-postadress correo correo_electronico correo_e courriel adresse_email adresse_mail adresse_e-mail
            indirizzo_email indirizzo_mail posta_elettronica emailadres e-mailadres customer_email client_email contact_email invitee_email attendee_email user_email
            buyer_email subscriber_email email_(billing) billing_email e-mail_1_-_value sahkoposti adres_email endereco_de_email
            email_1 participant_email guest_email purchase_email purchaser_email payer_email registrant_email respondent_email from_email_address
            kunden_e-mail kunden_email kundenmail e-mail_kunde email_cliente correo_cliente email_client mail_client
            メールアドレス 電子邮件 邮箱""",
        "customer_id": """customer_id customer_no customer_number customer_# customerkey cust_id client_id client_no member_id user_id
            kundennummer kundennr kunden_id kunden-nr kundenid kundnummer kund_id kunde_id kundenr kundenummer klantnummer klant_id id_cliente
            cliente_id numero_cliente codigo_cliente codice_cliente id_client numero_client buyer_user_id household_id customer client kunde
            kund klant cliente kd-nr kdnr kd_nummer kunden_# mitgliedsnummer
            mitgliedsnr mitglieds-nr mitglied_id patient_nr patient_id patientennummer member_no member_number membership_number
            membership_id no_client n_client code_client numero_adherent n_adherent n_cliente no_cliente numero_de_cliente numero_socio
            medlemsnummer lidnummer klantnr klant-nr donor_id student_id numer_klienta customer_code""",
        "first_name": """first_name invitee_first_name attendee_first_name fname given_name forename vorname nombre nombres prenom jmeno fornavn fornamn voornaam etunimi imie
            billing_first_name first_name_(billing) primeiro_nome customer_first_name""",
        "last_name": """last_name invitee_last_name attendee_last_name lname surname family_name nachname familienname apellido apellidos nom_de_famille cognome etternavn
            prijmeni efternavn efternamn achternaam sukunimi nazwisko sobrenome billing_last_name last_name_(billing) customer_last_name""",
        "full_name": """name full_name invitee_name attendee_name participant_name guest_name payer_name bill-to_name customer_name contact_name buyer_name navn namn naam nombre_completo nom_complet nom_et_prenom
            vollstandiger_name nome_completo nome_e_cognome imie_i_nazwisko kundenname billing_name klantnaam kundnamn kundenavn asiakas nom_du_client nom_client nombre_del_cliente nombre_cliente
            nome_cliente client_name donor_name member_name student_name patient_name kunden-name""",
        "company": """company company_name organization organisation organization_name firma firmenname unternehmen empresa societe
            entreprise azienda bedrijf bedrijfsnaam foretag yritys default_address_company billing_company company_(billing)""",
        "phone": """phone phone_number phone_1 customer_phone buyer_phone_number contact_phone_number mobile mobile_phone mobile_number telephone tel cell cell_phone telefon telefonnummer handy
            handynummer mobil mobilnummer telefono movil portable cellulare telefoon telefoonnummer puhelin sms phone_1_-_value billing_phone
            phone_(billing) default_address_phone telefone celular telefono_movil telefono_cellulare numero_de_telephone numero_telephone tel_portable
            telephone_portable telephone_mobile mobiltelefon mobilnr telefonnr telefon_mobil mobiel mobiele_telefoon phone_mobile primary_phone
            phone_work work_phone home_phone contact_phone tel_nr telefonnummer_mobil""",
        "language": "language lang locale preferred_language sprache idioma langue lingua sprak spraak taal kieli",
        "timezone": "timezone time_zone tz zeitzone fuseau_horaire",
        "country": """country country_code country/region land pays pais paese cc default_address_country_code default_address_country
            billing_country country_code_(billing) maa kraj landcode""",
        "region": """region province province_code state_/_region state/province bundesland provincia county departement lan
            default_address_province_code default_address_province billing_province billing_state state_code_(billing)""",
        "city": """city town ort stadt ciudad poblacion ville citta by stad plaats miasto cidade kaupunki default_address_city billing_city
            city_(billing)""",
        "postcode": """zip zip_code zipcode postcode post_code postal_code plz postleitzahl codigo_postal code_postal cap postnummer postnr
            kod_pocztowy default_address_zip billing_zip billing_postcode postcode_(billing)""",
        "visitor": """visitor visitor_id anonymous_id anonymous_user_id anon_id cookie cookie_id device_id browser_id ga_client_id
            user_pseudo_id distinct_id guest_id besucher besucher_id visitante_id visiteur_id""",
        "birthday": """birthday birth_date birthdate date_of_birth dob geburtstag geburtsdatum fecha_de_nacimiento cumpleanos
            date_de_naissance anniversaire compleanno data_di_nascita fodselsdag fodelsedag fodelsedatum geboortedatum""",
    }
)

# What only a contacts file says.
CONTACT_WORDS = PERSON_WORDS | table(
    {
        "region": "state",
        "first_name": "nome",
        "last_name": "nom",
        "consent": """accepts_email_marketing accepts_marketing marketing email_marketing marketing_consent email_marketing_consent
            consent email_consent opt-in opt_in optin email_opt_in email_optin marketing_opt_in opted_in newsletter newsletter_subscribed
            newsletter_opt_in subscribed subscription subscription_status email_subscription_status subscriber_status
            email_status email_permission_status is_subscribed gdpr_consent einwilligung newsletter_anmeldung newsletteranmeldung werbeeinwilligung
            abonniert angemeldet suscrito suscripcion boletin acepta_marketing consentimiento abonne inscrit newsletter_inscription
            consentement accepte_marketing iscritto consenso consenso_marketing nyhetsbrev nyhedsbrev samtykke samtycke prenumererar
            prenumerant nieuwsbrief toestemming ingeschreven uutiskirje zgoda
            subscribed_to_emails subscribed_to_email subscribed_to_newsletter email_subscribed email_subscription email_subscriber_status
            email_marketing_status marketing_status marketing_opt_in_status newsletter_status newsletter_subscription accepts_email
            accepts_emails accepts_newsletter receives_newsletter receive_newsletter wants_newsletter wants_emails email_permission
            permission_to_email optin_status opt_in_status email_optin_status consent_status newsletter_consent mailing_list_status
            marketing_emails email_marketing_opt_in agreed_to_marketing newsletter_erlaubt newsletter_ja status""",
        "opt_out": """unsubscribed unsubscribe opt-out optout opted_out email_opt_out email_opted_out email_optout
            has_opted_out_of_email has_opted_out email_blacklisted email_blocklisted blacklisted do_not_email do_not_mail
            do_not_contact donotcontact dnc dont_email abgemeldet abmeldung widerspruch baja desuscrito desabonne desinscrit disiscritto
            cancellato avmeldt avregistrerad afmeldt uitgeschreven unsubscribed_from_all_email email_marketing_opt_out opted_out_of_email
            unsubscribe_reason unsub_reason abmeldegrund""",
        "unconfirmed": """confirmed is_confirmed email_confirmed optin_confirmed opt-in_confirmed subscription_confirmed doi doi_confirmed
            double_opt-in double_optin double_opt-in_confirmed bestatigt doi_bestatigt confirme confirmado confermato bevestigd""",
        "hard_bounced": """bounced hard_bounced hard_bounce is_bounced email_bounced bounced_at bounced_on bounce_date bounce_reason
            hard_bounce_reason email_hard_bounce_reason clean_time cleaned bounce_type""",
        "complained": "complained complaint is_complained complained_at complaint_date spam_complaint spam_report marked_as_spam spam",
        "suppressed": """suppressed is_suppressed suppression suppressions email_suppressions suppression_reason suppressed_at blocklisted
            blocked is_blocked""",
        "opted_out_at": """unsub_time unsubscribed_at unsubscribe_date unsubscribed_on unsubscribe_time date_unsubscribed opt_out_date
            opt-out_date optout_date optout_time opted_out_at opted_out_on email_opt_out_date abgemeldet_am abmeldung_am abmeldedatum abmelde_datum fecha_de_baja
            fecha_baja date_de_desinscription date_desinscription data_disiscrizione uitschrijfdatum datum_uitschrijving avregistrerad_den""",
        "consent_at": """consent_at consent_date consent_time consented_at consent_timestamp email_marketing_consent_timestamp
            consent_updated_at consent_changed_at status_date status_changed_at data_consenso date_de_consentement date_consentement
            fecha_de_consentimiento fecha_consentimiento einwilligungsdatum datum_der_einwilligung date_of_consent""",
        "opted_in_at": """opted_in_at opted_in_on confirmed_at confirmation_date confirm_time optin_date opt-in_date optin_at optin_time
            opt-in_time subscribed_at subscribed_on subscribed_date date_subscribed subscription_date subscribe_date signup_date
            signup_time signed_up_at signed_up_on sign_up_date einwilligung_am angemeldet_am doi_bestatigt_am bestatigt_am doi_date
            doi_datum doi_timestamp doi_am doi_confirmed_at doi_confirmed_on double_opt-in_date double_opt-in_datum double_opt-in_time
            double_opt-in_at double_opt-in_am double_opt-in_confirmed_at opt-in_confirmed_at date_double_opt-in date_du_double_opt-in
            fecha_doble_opt-in fecha_double_opt-in data_double_opt-in confirmed_opt-in_date optin_confirmed_at anmeldedatum anmeldung_am date_d_inscription date_inscription
            fecha_de_suscripcion fecha_suscripcion data_iscrizione inschrijfdatum prenumererar_sedan""",
        "evidence": """optin_ip opt-in_ip confirm_ip confirmation_ip subscribe_ip signup_ip signup_ip_address
            unsub_campaign_title unsub_reason_other clean_campaign_title""",
        "wording": "wording consent_text consent_wording opt-in_text form_version wording_version consent_version einwilligungstext",
        "other_emails": """other_emails other_email secondary_email second_email additional_email additional_emails alternate_email
            alternative_email additional_email_addresses email_2 email2 e-mail_2 e-mail_2_address e-mail_3_address
            e-mail_2_-_value e-mail_3_-_value e-mail_4_-_value weitere_e-mail""",
        "tags": "tags tag labels label schlagworte etiquetas etichette etiquettes",
        "lists": "lists list list_name email_lists mailing_lists subscribed_lists list_membership list_memberships newsletters listen",
        "unsubscribed_lists": "unsubscribed_lists lists_unsubscribed unsubscribed_from_lists",
        "source": """source original_source signup_source sign_up_source sign-up_source subscription_source contact_source lead_source
            acquisition_source first_source traffic_source utm_source herkunft quelle origen fonte""",
        "owner": "owner account_owner contact_owner account_manager sales_rep owner_email betreuer kundenbetreuer",
        "consent_source": "consent_source optin_source opt-in_source",
    }
)

# What only an orders file says.
ORDER_WORDS = PERSON_WORDS | table(
    {
        "order_id": """order_id order_number order_no order_nr order_# order invoice invoice_no invoice_nr invoice_number
            invoice_id transaction_id transaction_no receipt_number receipt_id basket_id sale_id
            bestellnummer bestellnr bestell-nr bestell_id auftragsnummer auftragsnr rechnungsnummer
            rechnungsnr belegnummer pedido numero_de_pedido numero_pedido id_pedido n_pedido factura
            numero_de_factura commande numero_de_commande numero_commande id_commande facture ordine
            numero_ordine id_ordine ordrenummer ordernummer bestelling bestelnummer zamowienie
            numer_zamowienia ordrenr ordernr belegnr beleg-nr bonnr bon-nr bonnummer rechnungs-nr auftrags-nr kvittonummer order_reference
            order_ref order_code ref_commande reference_commande reference_de_la_commande n_commande no_commande n_de_commande
            no_pedido n_ordine donation_id gift_id""",
        "placed_at": """order_date ordered_at ordered_on order_time order_created_at placed_at placed_on purchase_date
            purchased_at sale_date date purchased_on sold_at transaction_date transaction_time
            transaction_timestamp invoice_date datetime date_time datum bestelldatum auftragsdatum
            rechnungsdatum kaufdatum fecha fecha_de_pedido fecha_pedido fecha_de_compra date_de_commande
            date_commande date_d_achat data data_ordine data_acquisto ordredato orderdatum dato
            bestildato besteldatum data_zamowienia bestellt_am gekauft_am bestellzeit bestellzeitpunkt
            auftragseingang order_placed order_placed_at date_placed date_ordered date_of_order donation_date gift_date
            date_of_purchase purchase_time sale_time date_of_sale order_timestamp bought_at bought_on
            pedido_el comprado_el fecha_del_pedido fecha_venta commande_le achete_le date_de_la_commande
            date_achat ordinato_il acquistato_il data_di_acquisto bestallningsdatum kopdatum kobsdato
            kjopsdato bestelld_op gekocht_op aankoopdatum data_zakupu data_do_pedido data_da_compra
            created_at created created_date created_date_(utc)
            date_created order_created created_time creation_date
            timestamp""",
        "total": """order_total order_total_amount grand_total total_paid amount_paid total_amount total amount order_amount
            order_value total_price total_value revenue value sales sale_amount sales_value price_paid
            net_revenue transaction_amount purchase_amount monetary spend betrag summe gesamt
            gesamtbetrag gesamtsumme bestellwert umsatz endbetrag rechnungsbetrag importe importe_total
            monto montant montant_total total_ttc prix_total importo importo_totale totale belop sum
            bedrag totaal totaalbedrag kwota valor valor_total summa ordersumma totalsumma totalt belopp belob ordertotal montant_ttc
            total_incl_tax total_inc_tax total_incl_vat total_inc_vat amount_incl_vat total_with_tax importe_total_con_iva totale_ivato
            totaal_incl_btw donation_amount gift_amount gross gross_amount gross_total brutto bruttobetrag bruttosumme net_total
            net_amount net""",
        "currency": "currency currency_code order_currency wahrung waehrung moneda devise valuta monnaie moeda waluta",
        "status": """status order_status payment_status financial_status transaction_status bestellstatus auftragsstatus zahlungsstatus
            estado estado_del_pedido statut statut_commande stato stato_ordine ordrestatus orderstatus etat etat_de_la_commande etat_commande status_zamowienia""",
        "quantity": """quantity qty units menge anzahl stuckzahl cantidad unidades quantite quantita antal aantal ilosc quantidade
            lineitem_quantity""",
        "unit_price": """unit_price price item_price price_each price_per_unit item_cost preis einzelpreis stuckpreis precio precio_unitario
            prix prix_unitaire prezzo prezzo_unitario pris styckpris prijs stukprijs cena lineitem_price""",
        "sku": "sku stock_code item_sku artikelnummer articleno product_code artikelnr referencia lineitem_sku",
        "product_id": "product_id item_id variant_id produkt_id id_producto id_produit",
        "title": """lineitem_name product_name item_name product_title product description title item artikel artikelname
            produkt produktname producto produit prodotto vare""",
        "refunded": """refunded refunded_amount amount_refunded refund refund_amount order_refund_amount erstattung erstattet
            erstattungsbetrag reembolso remboursement rimborso refundert""",
        "first_name": "nome",
        "last_name": "nom",
        "refunded_at": "refunded_at refund_date refunded_on erstattet_am",
        "consent": "accepts_marketing accepts_email_marketing buyer_accepts_marketing marketing_consent newsletter opt-in",
    }
)

# A date that many a contacts file has too: alone it does not make a file of orders.
WEAK_DATES = frozenset(
    map(fold, "created_at created created_date date_created created_time creation_date timestamp data dato".split())
)

ORDER_STATUS_WORDS = table(
    {
        "paid": """paid completed complete processing fulfilled shipped delivered sent success succeeded successful settled captured closed
            refunded partially_refunded partial_refund bezahlt abgeschlossen versandt versendet geliefert erledigt erstattet
            pagado completado enviado entregado paye termine terminee expedie livre expediee livree payee pagada completada enviada entregada spedita consegnata pagata zrealizowane zaplacone levererad skickat bestallt klar afgeleverd pagato completato spedito consegnato betald betalt
            levert skickad sendt betaald verzonden afgerond maksettu invoiced ok""",
        "open": """open pending authorized authorised on-hold on_hold unpaid new created partially_paid in_progress awaiting_payment
            offen ausstehend neu in_bearbeitung pendiente en_attente en_cours in_attesa ny oppen apen nieuw in_behandeling""",
        "cancelled": """cancelled canceled voided void storniert abgebrochen cancelado anulado annule annulee annullato anulada annullata anulowane makulerad avbruten avbestilt
            annulleret kansellert geannuleerd peruttu trash""",
        "failed": "failed declined expired rejected refused denied error fehlgeschlagen abgelehnt fallido echoue fallito misslyckad mislukt",
    }
)
# A status that says that everything was paid back, whether or not the file has a column for the amount.
FULLY_REFUNDED = frozenset(
    map(fold, "refunded erstattet reembolsado rembourse rimborsato refundert terugbetaald".split())
)
