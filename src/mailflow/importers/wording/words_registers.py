"""Header words of files of things a shop keeps a register of: products, owners, companies, costs.

Nouns without words here are read by layouts and `--map` alone. People: words; what happened: words_events.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mailflow.importers.nouns import Noun
from mailflow.importers.recognition.noun_words import NounWords, need, signs
from mailflow.importers.wording.words import PERSON_WORDS, fold, table

_OF_PEOPLE = ("email", "first_name", "last_name", "full_name", "phone")

OWNER_WORDS = {header: field for header, field in PERSON_WORDS.items() if field in _OF_PEOPLE} | table(
    {
        "owner_id": """owner_id account_owner_id contact_owner_id user_id employee_id staff_id sales_rep_id rep_id
            account_manager_id team_member_id mitarbeiter_id mitarbeiternummer betreuer_id personalnummer record_id
            id""",
        "email": "owner_email work_email user_email account_owner_email sales_rep_email betreuer_email",
        "full_name": "owner_name owner display_name account_owner sales_rep account_manager betreuer mitarbeiter",
        "phone": "work_phone direct_dial direct_phone owner_phone durchwahl",
        "title": """title job_title signature_title owner_title position role funktion rolle puesto cargo poste
            fonction ruolo stilling functie""",
    }
)

COMPANY_WORDS = table(
    {
        "company_id": """company_id account_id organisation_id organization_id firma_id firmen_id id_empresa
            id_entreprise id_azienda record_id id""",
        "name": """company_name account_name organisation_name organization_name firm_name business_name legal_name
            firma firmenname unternehmen empresa societe entreprise azienda bedrijf bedrijfsnaam foretag virksomhed
            company account organisation organization name""",
        "domain": """domain company_domain company_domain_name domain_name email_domain web_domain domane dominio
            domaine""",
        "website": "website web_site website_url company_website homepage url web_address webseite sito_web site_web",
        "industry": """industry company_industry sector vertical branche industrie industria secteur settore sektor
            bransje bransch toimiala branza""",
        "size": """size company_size number_of_employees employees employee_count headcount no_of_employees
            mitarbeiter mitarbeiterzahl anzahl_mitarbeiter unternehmensgrosse empleados effectif dipendenti ansatte
            anstallda""",
        "country": "country country_code country/region company_country hq_country land pays pais paese kraj",
        "owner": """owner company_owner account_owner account_manager owner_email company_owner_email owner_id
            account_owner_id sales_rep betreuer kundenbetreuer ansprechpartner""",
    }
)

# What the header of an amount may name: `Amount spent (EUR)`.
CURRENCIES = """AED ARS AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR JPY KES KRW MAD MXN MYR
    NGN NOK NZD PEN PHP PKR PLN QAR RON RSD SAR SEK SGD THB TRY TWD UAH USD UYU VND ZAR""".split()
_SPENT = """cost costs spend spent amount_spent ad_spend amount_billed amount total_cost total_spent kosten ausgaben
    ausgegebener_betrag importe_gastado montant_depense importo_speso valor_usado""".split()

COST_WORDS = table(
    {
        "cost_id": "cost_id expense_id beleg_id belegnummer",
        "spent_on": """spent_on spend_date cost_date expense_date day date by_day time_period gregorian_date
            reporting_starts start_date start_date_(in_utc) week month datum tag berichtsstart fecha dia
            inicio_del_informe jour debut_des_rapports data giorno inizio_report inicio_dos_relatorios dato dag""",
        "ends_on": "reporting_ends end_date ends_on berichtsende fin_del_informe fin_des_rapports fine_report",
        "channel": """channel ad_channel marketing_channel medium platform network source_/_medium source kanal
            plattform canal canale plateforme piattaforma""",
        "campaign": """campaign campaign_name utm_campaign kampagne kampagnenname campana campagne campagna kampanj
            nombre_de_la_campana nom_de_la_campagne nome_campagna nome_da_campanha""",
        "ad_group": """ad_group ad_group_name adgroup ad_set ad_set_name adset anzeigengruppe anzeigengruppenname""",
        "ad": "ad_name ad creative anzeige",
        "amount": " ".join(_SPENT)
        + """ spend_in_account_currency spending expense expenses expenditure ad_cost media_cost werbekosten werbeausgaben betrag gasto gastos
            importe_gastado depense depenses cout montant_depense spesa spese importo_speso kostnad kostnader""",
        "currency": """currency currency_code account_currency wahrung waehrung moneda devise valuta monnaie
            wahrungscode codigo_de_moneda code_de_devise codice_valuta""",
        "note": "note notes comment description memo notiz beschreibung bemerkung kommentar nota remarque",
    }
) | {fold(f"{word} {code}"): "amount" for word in _SPENT for code in CURRENCIES}  # such as `Amount spent (EUR)`

WORDS: Mapping[Noun, NounWords] = MappingProxyType(
    {
        Noun.OWNERS: NounWords(
            OWNER_WORDS,
            (need("a column that tells who it is", "email", "owner_id", "full_name", "first_name"),),
            signs("owner_id+email+title"),
        ),
        Noun.COMPANIES: NounWords(
            COMPANY_WORDS,
            (need("a column that tells the company", "name", "company_id", "domain", "website"),),
            signs("name+industry", "name+domain", "company_id+name+owner"),
            unless=frozenset({"first_name", "last_name"}),
            many=frozenset({"website"}),
        ),
        Noun.COSTS: NounWords(
            COST_WORDS,
            (need("a date", "spent_on"), need("an amount", "amount")),
            signs("spent_on+amount+channel", "spent_on+amount+campaign"),
            unless=frozenset({"order_id", "email", "customer_id", "phone"}),  # an order has somebody who buys
            many=frozenset(),
        ),
    }
)
