"""What files of orders and products call their columns, beyond the words that every file of orders shares: words.

How the cells are read: order_columns, product_rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from mailflow.importers.nouns import Noun
from mailflow.importers.recognition.noun_words import NounWords, need, signs
from mailflow.importers.wording.words import ORDER_WORDS, fold, table

_CATEGORY = """category product_category item_category line_category lineitem_category category_name main_category department
    product_department product_type product_group kategorie produktkategorie warengruppe produktgruppe categoria categoria_producto
    categorie categorie_produit reparto kategori varugrupp categorienaam productgroep kategoria"""
_CATEGORIES = """categories product_categories item_categories category_names collections kategorien produktkategorien categorias
    categories_produit kategorier categorieen kategorie_produktu"""

NO_SALE = "none"  # a kind: the row is neither an order nor a refund
# A row of these is money that went back.
RETURN_WORDS = frozenset(
    map(
        fold,
        """return returned refund refunded partial_refund full_refund refund_line credit_note credit_memo creditmemo creditnote
        reversal reversed chargeback payment_refund payment_reversal retoure rueckgabe rückgabe gutschrift erstattung rückerstattung
        remboursement avoir retour devolucion devolución reembolso abono rimborso reso nota_di_credito terugbetaling creditnota
        kreditnota refundering återbetalning tilbagebetaling zwrot""".split(),
    )
)

_MORE_ORDER_WORDS = table(
    {
        "kind": """event_type transaction_type sale_type document_type entry_type order_type type row_type line_type record_type
            belegart vorgangsart buchungsart""",
        "refund_of": """refund_of return_of refunded_order refunded_order_id original_order original_order_id original_order_number
            original_order_no original_transaction original_transaction_id original_invoice original_invoice_no
            original_invoice_number original_sale_id parent_order parent_order_id parent_order_number related_order_id
            credited_invoice ursprungsbestellung commande_d_origine""",
        "return_id": """refund_id refund_number refund_no return_id return_number return_no rma rma_number credit_note_id
            credit_note_number credit_note_no credit_memo_id credit_memo_number gutschriftnummer gutschriftsnummer retourennummer""",
        "items": """items line_items lineitems order_items ordered_items items_ordered items_purchased purchased_items products
            ordered_products products_ordered products_purchased product(s) item(s) order_lines basket_contents cart_contents
            bestellte_artikel artikelliste produkte productos produits prodotti""",
        "coupon": """coupon coupons coupon_code coupon_codes coupon(s) discount_code discount_codes discount_code_used
            discount_codes_used coupon_used coupon_code_used promo_code promo_codes promotion_code promotion_codes promocode voucher
            vouchers voucher_code voucher_codes offer_code coupon_lines discount_coupon redeemed_code rabattcode rabattcodes
            gutscheincode gutscheincodes gutschein aktionscode code_promo code_promotionnel code_de_reduction bon_de_reduction
            cupon cupones codigo_de_descuento codigo_descuento codigo_promocional codice_sconto codici_sconto codice_promozionale
            kortingscode kortingscodes rabattkod rabattkoder rabatkode rabattkode kod_rabatowy kupon codigo_de_desconto cupom""",
        "category": _CATEGORY,
        "categories": _CATEGORIES,
        "total": "line_total line_amount row_total item_total line_subtotal positionssumme zeilensumme gesamtpreis total_ligne",
        "quantity": "quantity_ordered item_quantity line_quantity qty_ordered",
        "unit_price": "line_price price_per_item",
        "opt_out": "unsubscribed opted_out opt_out do_not_contact do_not_email do_not_mail email_opt_out has_opted_out",
    }
)

PRODUCT_WORDS = table(
    {
        "product_id": """product_id variant_id item_id article_id listing_id product_number product_no item_number item_no id token
            produkt_id produktnummer artikel_id artikelnummer id_producto id_produit id_prodotto stock_code stockcode upc""",
        "parent_id": "parent_id parent parent_product_id parent_product parent_sku master_id master_product_id product_group_id",
        "sku": "sku variant_sku product_sku item_sku product_code item_code code reference referencia artikelnr reference_number mpn",
        "title": """title product_title product_name product item item_name item_title name description_short produktname artikelname
            bezeichnung nombre_producto nom_du_produit nome_prodotto description""",
        "vendor": "vendor brand manufacturer manufacturer_name brand_name supplier marke hersteller marca marque fabricant produttore merk",
        "price": """price regular_price variant_price unit_price sale_price list_price retail_price price_tax_included price_tax_excluded
            base_price preis verkaufspreis precio prix prezzo prijs pris cena""",
        "currency": "currency currency_code wahrung moneda devise valuta",
        "url": "url link product_url permalink product_link page_url public_url web_address produkt_url",
        "image_url": """image_url image image_link image_src images photo photo_url picture picture_url thumbnail product_image_url
            image_urls image1 image_1 base_image hosted_image_urls bild bild_url imagen imagen_url""",
        "stock": """stock inventory quantity qty stock_quantity inventory_quantity quantity_in_stock variant_inventory_qty current_stock
            current_stock_level stock_level available in_stock_quantity bestand lagerbestand existencias cantidad quantite giacenza
            voorraad lager""",
        "status": "status product_status published visible visibility active state enabled is_active available_online",
        "category": _CATEGORY,
        "categories": f"{_CATEGORIES} tags product_tags",
    }
)

# What lines of orders need where another file says who bought and when.
_OF_LINES = tuple(
    f"order_id+{product}+{amount}"
    for product in ("product_id", "sku", "title")
    for amount in ("quantity", "unit_price", "total")
)
_LINES = signs(*_OF_LINES)
_NOT_OF_LINES = frozenset(
    "email customer_id phone buyer_name full_name placed_at refunded_at return_id refund_of".split()
)


def are_lines(fields: Collection[str]) -> bool:
    """Return whether a file with these fields is lines of orders alone: what was bought, not by whom or when."""
    return not _NOT_OF_LINES & set(fields) and any(sign <= set(fields) for sign in _LINES)


WORDS: Mapping[Noun, NounWords] = MappingProxyType(
    {
        Noun.ORDERS: NounWords(
            ORDER_WORDS | {word: field for word, field in _MORE_ORDER_WORDS.items() if word not in ORDER_WORDS},
            (
                need(
                    "a column that tells the customer (e-mail, customer id or phone)", "email", "customer_id", "phone",
                    "buyer_name", "return_id+order_id", "refund_of",
                ),
                need("a date", "placed_at", "refunded_at"),
                need(
                    "an amount (a total, or quantity and unit price)", "total", "quantity+unit_price",
                    "return_id+refunded", "refund_of+refunded",
                ),
            ),
            signs("return_id+refunded+refunded_at", "refund_of+refunded+refunded_at"),
            more_fields=("cancelled_at", "zone", "buyer_name", "detail", "total_of"),
            many=frozenset({"phone", "consent", "opt_out", "items", "category", "categories", "coupon"}),
            keeps_others=False,
        ),
        Noun.PRODUCTS: NounWords(
            PRODUCT_WORDS,
            (need("a product id, SKU or title", "product_id", "sku", "title"),),
            signs(
                "sku+title", "sku+price", "sku+category", "sku+categories", "product_id+category", "product_id+categories",
                "product_id+title+price", "title+price+category", "title+price+categories", "title+price+stock",
                "title+price+url", "title+price+image_url",
            ),
            more_fields=("variant_id", "variant_title", "option"),
            many=frozenset({"category", "categories", "option", "variant_title", "status"}),
            unless=frozenset({"email", "customer_id", "phone", "order_id", "return_id", "refund_of"}),
        ),
    }
)  # fmt: skip
