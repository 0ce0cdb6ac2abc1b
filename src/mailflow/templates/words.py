"""The few words that every message's footer needs, in the languages a shop is likely to write in."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# language: (unsubscribe, why you get this)
_WORDS = {
    "en": ("Unsubscribe", "You get this e-mail because you are on our list."),
    "de": ("Abmelden", "Sie erhalten diese E-Mail, weil Sie auf unserer Liste stehen."),
    "fr": ("Se désabonner", "Vous recevez cet e-mail parce que vous êtes inscrit à notre liste."),
    "es": ("Darse de baja", "Recibe este correo porque está en nuestra lista."),
    "it": ("Annulla l’iscrizione", "Ricevi questa e-mail perché sei nella nostra lista."),
    "pt": ("Cancelar a inscrição", "Recebe este e-mail porque está na nossa lista."),
    "nl": ("Uitschrijven", "U ontvangt deze e-mail omdat u op onze lijst staat."),
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
}
_FOOTERS: Mapping[str, dict[str, str]] = MappingProxyType(
    {language: {"unsubscribe": unsubscribe, "why": why} for language, (unsubscribe, why) in _WORDS.items()}
)


def footer_words(language: str) -> dict[str, str]:
    """Return `{unsubscribe, why}` in a language such as `de` or `de-AT`; in English where we have no words for it."""
    return _FOOTERS.get(language[:2].lower(), _FOOTERS["en"])
