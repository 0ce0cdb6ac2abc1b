"""What a poll says of itself in a mail, in the reader's language. Its question and answers: polls.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mailflow.templates.languages import nearest


@dataclass(frozen=True, slots=True)
class PollWords:
    """The sentences beside a poll. {} in `until` is the last day, in `given` the answer that counts so far."""

    until: str
    closed: str
    given: str
    by_mail: str  # where a link opens a mail


# language: until, closed, given, by_mail. Where a language says "you" in two ways, no "you": letters have their own.
_WORDS = {
    "en": (
        "Answers count until {}.", "This poll is closed.", "Your answer so far: {}.",
        "A click opens a mail to us: send it as it is.",
    ),
    "de": (
        "Antworten zählen bis {}.", "Diese Umfrage ist beendet.", "Bisherige Antwort: {}.",
        "Ein Klick öffnet eine E-Mail an uns: bitte so absenden.",
    ),
    "fr": (
        "Réponses possibles jusqu’au {}.", "Ce sondage est clos.", "Réponse actuelle : {}.",
        "Un clic ouvre un e-mail pour nous : il suffit de l’envoyer.",
    ),
    "es": (
        "Las respuestas cuentan hasta el {}.", "Esta encuesta está cerrada.", "Respuesta actual: {}.",
        "Un clic abre un correo para nosotros: basta con enviarlo.",
    ),
    "it": (
        "Le risposte valgono fino al {}.", "Questo sondaggio è chiuso.", "Risposta attuale: {}.",
        "Un clic apre un’e-mail per noi: basta inviarla.",
    ),
    "pt": (
        "As respostas contam até {}.", "Esta sondagem está encerrada.", "Resposta atual: {}.",
        "Um clique abre um e-mail para nós: basta enviá-lo.",
    ),
    "nl": (
        "Antwoorden tellen tot en met {}.", "Deze poll is gesloten.", "Antwoord tot nu toe: {}.",
        "Een klik opent een e-mail aan ons: gewoon verzenden.",
    ),
    "pl": (
        "Odpowiedzi liczą się do {}.", "Ta ankieta jest zamknięta.", "Dotychczasowa odpowiedź: {}.",
        "Kliknięcie otwiera wiadomość do nas: wystarczy ją wysłać.",
    ),
    "cs": (
        "Odpovědi platí do {}.", "Tato anketa je uzavřena.", "Dosavadní odpověď: {}.",
        "Kliknutí otevře e-mail pro nás: stačí ho odeslat.",
    ),
    "da": (
        "Svar tæller til og med {}.", "Denne afstemning er lukket.", "Svar indtil nu: {}.",
        "Et klik åbner en mail til os: bare send den.",
    ),
    "sv": (
        "Svar räknas till och med {}.", "Den här omröstningen är stängd.", "Svar hittills: {}.",
        "Ett klick öppnar ett mejl till oss: skicka det som det är.",
    ),
    "nb": (
        "Svar teller til og med {}.", "Denne avstemningen er stengt.", "Svar så langt: {}.",
        "Et klikk åpner en e-post til oss: bare send den.",
    ),
    "fi": (
        "Vastaukset lasketaan {} asti.", "Tämä kysely on suljettu.", "Tähänastinen vastaus: {}.",
        "Klikkaus avaa meille viestin: lähetä se sellaisenaan.",
    ),
    "tr": (
        "Yanıtlar {} tarihine kadar geçerlidir.", "Bu anket kapandı.", "Şimdiye kadarki yanıt: {}.",
        "Tıklama bize bir e-posta açar: olduğu gibi gönderin.",
    ),
    "ru": (
        "Ответы принимаются до {}.", "Этот опрос завершён.", "Текущий ответ: {}.",
        "Нажатие откроет письмо нам: его нужно просто отправить.",
    ),
    "uk": (
        "Відповіді приймаються до {}.", "Це опитування завершено.", "Поточна відповідь: {}.",
        "Натискання відкриє лист до нас: його треба лише надіслати.",
    ),
    "ja": (
        "回答の締め切り：{}。", "このアンケートは終了しました。", "現在の回答：{}。",
        "クリックするとメールが開きます。そのまま送信してください。",
    ),
    "zh": (
        "回答截止日期：{}。", "此投票已结束。", "目前的回答：{}。", "点击会打开一封给我们的邮件，直接发送即可。",
    ),
    "zh-hant": (
        "回答截止日期：{}。", "此投票已結束。", "目前的回答：{}。", "點擊後會開啟一封寄給我們的郵件，直接傳送即可。",
    ),
    "ar": (
        "تُحتسب الإجابات حتى {}.", "انتهى هذا الاستطلاع.", "الإجابة حتى الآن: {}.",
        "النقر يفتح رسالة موجّهة إلينا، ويكفي إرسالها كما هي.",
    ),
    "he": (
        "התשובות נספרות עד {}.", "הסקר הזה נסגר.", "התשובה עד כה: {}.",
        "לחיצה פותחת הודעה אלינו, ואפשר לשלוח אותה כמו שהיא.",
    ),
}  # fmt: skip
_KNOWN: Mapping[str, PollWords] = MappingProxyType({tag: PollWords(*words) for tag, words in _WORDS.items()})


def poll_words(language: str) -> PollWords:
    """Return the words in a language such as `de` or `de-AT`; in English where we have none for it."""
    return nearest(_KNOWN, language)
