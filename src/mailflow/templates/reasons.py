"""Why a product is in somebody's mail, in the reader's language. Which product and why: analytics/recommend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from mailflow.templates.languages import nearest

# source → words; {} is the title of what they bought or looked at. Without a title: of the product itself.
_BOUGHT, _VIEWED, _AGAIN, _SEEN, _POPULAR = "bought", "viewed", "again", "seen", "popular"
_WITHOUT_TITLE = {_VIEWED: _SEEN, _BOUGHT: _POPULAR}
_KINDS = (_BOUGHT, _VIEWED, _AGAIN, _SEEN, _POPULAR)
_WORDS = {
    "en": (
        "because you bought {}",
        "because you looked at {}",
        "you bought this before",
        "you looked at this",
        "popular this month",
    ),
    "de": (
        "weil Sie {} gekauft haben",
        "weil Sie sich {} angesehen haben",
        "schon einmal von Ihnen gekauft",
        "von Ihnen angesehen",
        "derzeit beliebt",
    ),
    "fr": (
        "parce que vous avez acheté {}",
        "parce que vous avez regardé {}",
        "déjà acheté par vous",
        "consulté récemment",
        "populaire en ce moment",
    ),
    "es": (
        "porque compró {}",
        "porque vio {}",
        "ya lo compró antes",
        "visto recientemente",
        "popular este mes",
    ),
    "it": (
        "perché hai acquistato {}",
        "perché hai guardato {}",
        "già acquistato da te",
        "visto di recente",
        "popolare in questo periodo",
    ),
    "pt": (
        "porque comprou {}",
        "porque viu {}",
        "já comprou antes",
        "visto recentemente",
        "popular neste mês",
    ),
    "nl": (
        "omdat u {} kocht",
        "omdat u {} bekeek",
        "eerder door u gekocht",
        "onlangs bekeken",
        "populair deze maand",
    ),
    "pl": (
        "na podstawie zakupu: {}",
        "na podstawie oglądanego produktu: {}",
        "kupione wcześniej",
        "ostatnio oglądane",
        "popularne w tym miesiącu",
    ),
    "cs": (
        "na základě nákupu: {}",
        "na základě prohlížení: {}",
        "dříve zakoupeno",
        "nedávno prohlíženo",
        "oblíbené tento měsíc",
    ),
    "da": ("fordi du købte {}", "fordi du kiggede på {}", "købt før", "set for nylig", "populært lige nu"),
    "sv": ("eftersom du köpte {}", "eftersom du tittade på {}", "köpt tidigare", "visad nyligen", "populärt just nu"),
    "nb": ("fordi du kjøpte {}", "fordi du så på {}", "kjøpt før", "sett nylig", "populært akkurat nå"),
    "fi": (
        "koska ostit tuotteen {}",
        "koska katsoit tuotetta {}",
        "ostettu aiemmin",
        "katsottu äskettäin",
        "suosittu juuri nyt",
    ),
    "tr": (
        "{} aldığınız için",
        "{} ürününe baktığınız için",
        "daha önce satın alındı",
        "yakında görüntülendi",
        "bu ay popüler",
    ),
    "ru": (
        "потому что вы купили: {}",
        "потому что вы смотрели: {}",
        "вы это уже покупали",
        "вы это смотрели",
        "популярно в этом месяце",
    ),
    "uk": (
        "бо ви купили: {}",
        "бо ви переглядали: {}",
        "ви це вже купували",
        "ви це переглядали",
        "популярне цього місяця",
    ),
    "ja": (
        "「{}」をお買い上げの方へ",
        "「{}」をご覧になった方へ",
        "以前お買い上げの商品",
        "最近ご覧になった商品",
        "今月の人気商品",
    ),
    "zh": ("因为您购买了{}", "因为您浏览了{}", "您曾购买过", "您最近浏览过", "本月热门"),
    "zh-hant": ("因為您購買了{}", "因為您瀏覽了{}", "您曾購買過", "您最近瀏覽過", "本月熱門"),
    "ar": ("بناءً على شراء {}", "بناءً على مشاهدة {}", "سبق شراؤه", "شوهد مؤخرًا", "رائج هذا الشهر"),
    "he": ("בעקבות רכישה של {}", "בעקבות צפייה ב-{}", "נרכש בעבר", "נצפה לאחרונה", "פופולרי החודש"),
}
REASONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {language: dict(zip(_KINDS, words, strict=True)) for language, words in _WORDS.items()}
)


def with_reasons(items: Iterable[Mapping[str, Any]], language: str) -> list[dict[str, Any]]:
    """Return recommendations with their `reason` in a language such as `de` or `de-AT`, else in English."""
    words = _words(language)
    return [{**item} if "reason" in item else {**item, "reason": _reason(item, words)} for item in items]


@lru_cache(maxsize=256)
def _words(language: str) -> Mapping[str, str]:
    return nearest(REASONS, language)


def _reason(item: Mapping[str, Any], words: Mapping[str, str]) -> str:
    source, title = item.get("source", _POPULAR), item.get("because")
    if title and source in (_BOUGHT, _VIEWED):
        return words[source].replace("{}", str(title))
    return words[_WITHOUT_TITLE.get(source, source)]
