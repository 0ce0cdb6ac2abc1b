"""What each RFM class means and what to do next about it: words for the report, and which shipped campaign fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mailflow.analytics import rfm


@dataclass(frozen=True, slots=True)
class Advice:
    """Who is in a class, what to do next, and the campaign of the shop pack that does it."""

    who: str
    next: str
    campaign: str | None = None


ADVICE: Mapping[str, Advice] = MappingProxyType(
    {
        "champions": Advice(
            "Bought lately, and often.",
            "Thank them and ask for nothing. Show them new things first; ask for a review or a referral. No discounts.",
            "thank_you",
        ),
        "loyal_customers": Advice(
            "Come often, and came not long ago.",
            "Offer what goes with what they have, or a larger size. Let them in on what is coming.",
            "thank_you",
        ),
        "potential_loyalists": Advice(
            "Bought lately, and more than once.",
            "Bring them to the next order: what others bought with it, a reason to come back within their usual time.",
        ),
        "new_customers": Advice(
            "Bought for the first time, just now.",
            "Welcome them, help them use what they bought, then ask how it was. Do not sell in the first letter.",
        ),
        "promising": Advice(
            "Bought once, not long ago.",
            "A letter about what you stand for and one clear thing to try next. Something small and free beats 10 %.",
        ),
        "need_attention": Advice(
            "In the middle of everything, and cooling.",
            "Remind them with what they bought before; an offer that ends on a day.",
        ),
        "about_to_sleep": Advice(
            "Bought once or twice, some time ago.",
            "Send the best of what is popular now. Test it on a part: many are not coming back whatever you write.",
        ),
        "cannot_lose_them": Advice(
            "Bought most often of all, and have not come for long.",
            "Write in person, ask what went wrong, and mend it. They are worth a call. Do not open with a discount.",
            "win_back",
        ),
        "at_risk": Advice(
            "Bought often, and have not come for long.",
            "Say that you noticed, give a reason to return; keep a tenth back to see what the letter is worth.",
            "win_back",
        ),
        "hibernating": Advice(
            "Bought seldom, and long ago.",
            "One letter a season at most. Who neither reads nor buys for long should get no more mail.",
        ),
    }
)


def of_class(name: str, pairs: Sequence[tuple[int, int]]) -> Advice:
    """Return the advice for a class; of a table of one's own, that for the usual class it shares most with."""
    if name in ADVICE:
        return ADVICE[name]
    usual = {pair: known for known, theirs in rfm.CLASSES.items() for pair in theirs}
    shared = [usual[pair] for pair in pairs]
    return ADVICE[max(ADVICE, key=shared.count)]
