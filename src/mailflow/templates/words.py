"""The few words that the shipped layouts say themselves, in the languages a shop is likely to write in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from mailflow.templates.languages import nearest

# language: (unsubscribe, why you get this). A language with two words for "you" goes without: the letter has one.
_WORDS = {
    "en": ("Unsubscribe", "You get this e-mail because you are on our list."),
    "de": ("Abmelden", "Diese E-Mail geht an alle, die auf unserer Liste stehen."),
    "fr": ("Se désabonner", "Cet e-mail est envoyé aux personnes inscrites à notre liste."),
    "es": ("Darse de baja", "Este correo se envía a quienes están en nuestra lista."),
    "it": ("Annulla l’iscrizione", "Questa e-mail è inviata a chi è nella nostra lista."),
    "pt": ("Cancelar a inscrição", "Este e-mail é enviado a quem está na nossa lista."),
    "nl": ("Uitschrijven", "Deze e-mail gaat naar iedereen die op onze lijst staat."),
    "pl": ("Wypisz się", "Otrzymujesz tę wiadomość, ponieważ jesteś na naszej liście."),
    "cs": ("Odhlásit se", "Tento e-mail dostáváte, protože jste na našem seznamu."),
    "da": ("Afmeld", "Du får denne e-mail, fordi du står på vores liste."),
    "sv": ("Avregistrera", "Du får det här mejlet eftersom du finns på vår lista."),
    "nb": ("Meld deg av", "Du får denne e-posten fordi du står på listen vår."),
    "fi": ("Peru tilaus", "Saat tämän viestin, koska olet listallamme."),
    "tr": ("Abonelikten çık", "Bu e-postayı listemizde olduğunuz için alıyorsunuz."),
    "ru": ("Отписаться", "Вы получили это письмо, потому что подписаны на нашу рассылку."),
    "uk": ("Відписатися", "Ви отримали цей лист, бо підписані на нашу розсилку."),
    "ja": ("配信停止", "このメールは、配信リストに登録されている方にお送りしています。"),
    "zh": ("退订", "您收到此邮件是因为您在我们的订阅列表中。"),
    "zh-hant": ("取消訂閱", "您收到此郵件，是因為您在我們的訂閱名單中。"),
    "ar": ("إلغاء الاشتراك", "تُرسل هذه الرسالة إلى المسجّلين في قائمتنا البريدية."),
    "he": ("הסרה מרשימת התפוצה", "הודעה זו נשלחת למי שרשומים ברשימת התפוצה שלנו."),
}
_VIEW = {
    "en": "View in browser",
    "de": "Im Browser ansehen",
    "fr": "Voir dans le navigateur",
    "es": "Ver en el navegador",
    "it": "Visualizza nel browser",
    "pt": "Ver no navegador",
    "nl": "Bekijk in de browser",
    "pl": "Zobacz w przeglądarce",
    "cs": "Zobrazit v prohlížeči",
    "da": "Vis i browseren",
    "sv": "Visa i webbläsaren",
    "nb": "Vis i nettleseren",
    "fi": "Näytä selaimessa",
    "tr": "Tarayıcıda görüntüle",
    "ru": "Открыть в браузере",
    "uk": "Відкрити у браузері",
    "ja": "ブラウザで表示",
    "zh": "在浏览器中查看",
    "zh-hant": "在瀏覽器中檢視",
    "ar": "العرض في المتصفح",
    "he": "לצפייה בדפדפן",
}
# language: (why, of mail that an order or account calls for)
_ESSENTIAL = {
    "en": "You get this e-mail because of your order or your account with us.",
    "de": "Diese E-Mail gehört zu einer Bestellung oder einem Konto bei uns.",
    "fr": "Cet e-mail concerne une commande ou un compte chez nous.",
    "es": "Este correo se refiere a un pedido o una cuenta con nosotros.",
    "it": "Questa e-mail riguarda un ordine o un account presso di noi.",
    "pt": "Este e-mail diz respeito a uma encomenda ou conta na nossa loja.",
    "nl": "Deze e-mail hoort bij een bestelling of een account bij ons.",
    "pl": "Otrzymujesz tę wiadomość w związku z zamówieniem lub kontem u nas.",
    "cs": "Tento e-mail dostáváte kvůli své objednávce nebo účtu u nás.",
    "da": "Du får denne e-mail på grund af din ordre eller din konto hos os.",
    "sv": "Du får det här mejlet på grund av din beställning eller ditt konto hos oss.",
    "nb": "Du får denne e-posten på grunn av bestillingen eller kontoen din hos oss.",
    "fi": "Saat tämän viestin tilauksesi tai asiakastilisi vuoksi.",
    "tr": "Bu e-postayı siparişiniz veya hesabınız nedeniyle alıyorsunuz.",
    "ru": "Вы получили это письмо в связи с вашим заказом или учётной записью.",
    "uk": "Ви отримали цей лист у зв’язку з вашим замовленням або обліковим записом.",
    "ja": "このメールは、ご注文またはアカウントに関するお知らせです。",
    "zh": "此邮件与您的订单或账户有关。",
    "zh-hant": "此郵件與您的訂單或帳戶有關。",
    "ar": "تتعلق هذه الرسالة بطلب أو حساب لدينا.",
    "he": "הודעה זו קשורה להזמנה או לחשבון אצלנו.",
}
_NAMES = ("more", "item", "quantity", "price", "subtotal", "discount", "shipping", "tax", "total")
# language: the words of `_NAMES`, in their order
_SHOP = {
    "en": "Read more|Item|Qty|Price|Subtotal|Discount|Shipping|Tax|Total",
    "de": "Weiterlesen|Artikel|Menge|Preis|Zwischensumme|Rabatt|Versand|Steuer|Gesamt",
    "fr": "Lire la suite|Article|Qté|Prix|Sous-total|Remise|Livraison|TVA|Total",
    "es": "Leer más|Artículo|Cant.|Precio|Subtotal|Descuento|Envío|Impuestos|Total",
    "it": "Continua a leggere|Articolo|Qtà|Prezzo|Subtotale|Sconto|Spedizione|IVA|Totale",
    "pt": "Ler mais|Artigo|Qtd.|Preço|Subtotal|Desconto|Envio|IVA|Total",
    "nl": "Lees verder|Artikel|Aantal|Prijs|Subtotaal|Korting|Verzending|Btw|Totaal",
    "pl": "Czytaj dalej|Produkt|Ilość|Cena|Suma częściowa|Rabat|Dostawa|Podatek|Razem",
    "cs": "Číst dál|Položka|Množství|Cena|Mezisoučet|Sleva|Doprava|Daň|Celkem",
    "da": "Læs mere|Vare|Antal|Pris|Subtotal|Rabat|Fragt|Moms|I alt",
    "sv": "Läs mer|Artikel|Antal|Pris|Delsumma|Rabatt|Frakt|Moms|Totalt",
    "nb": "Les mer|Vare|Antall|Pris|Delsum|Rabatt|Frakt|Mva.|Totalt",
    "fi": "Lue lisää|Tuote|Määrä|Hinta|Välisumma|Alennus|Toimitus|Vero|Yhteensä",
    "tr": "Devamını oku|Ürün|Adet|Fiyat|Ara toplam|İndirim|Kargo|Vergi|Toplam",
    "ru": "Читать дальше|Товар|Кол-во|Цена|Промежуточный итог|Скидка|Доставка|Налог|Итого",
    "uk": "Читати далі|Товар|К-сть|Ціна|Проміжний підсумок|Знижка|Доставка|Податок|Разом",
    "ja": "続きを読む|商品|数量|価格|小計|割引|送料|税|合計",
    "zh": "阅读全文|商品|数量|价格|小计|折扣|运费|税费|总计",
    "zh-hant": "閱讀全文|商品|數量|價格|小計|折扣|運費|稅金|總計",
    "ar": "اقرأ المزيد|المنتج|الكمية|السعر|المجموع الفرعي|الخصم|الشحن|الضريبة|الإجمالي",
    "he": "להמשך קריאה|פריט|כמות|מחיר|סכום ביניים|הנחה|משלוח|מע״מ|סה״כ",
}


def _all_words(language: str, why: str) -> dict[str, str]:
    shop = dict(zip(_NAMES, _SHOP[language].split("|"), strict=True))
    return {"unsubscribe": _WORDS[language][0], "why": why, "view": _VIEW[language], **shop}


_MARKETING_WORDS: Mapping[str, dict[str, str]] = MappingProxyType(
    {language: _all_words(language, why) for language, (_, why) in _WORDS.items()}
)
_ESSENTIAL_WORDS: Mapping[str, dict[str, str]] = MappingProxyType(
    {language: _all_words(language, why) for language, why in _ESSENTIAL.items()}
)


@lru_cache(maxsize=256)
def layout_words(language: str, *, is_essential: bool = False) -> dict[str, str]:
    """Return the words of layouts, `unsubscribe`, `why`, `view` and those of shops, in a language such as `de`.

    In English where we have no words for it.
    """
    words = _ESSENTIAL_WORDS if is_essential else _MARKETING_WORDS
    return nearest(words, language)
