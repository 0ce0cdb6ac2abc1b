"""One letter for each shipped layout, with all that it can show, for tests that look at layouts."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from mailflow import templates
from mailflow.templates import Rendered, context

LAYOUTS = ("announcement", "default", "digest", "letter", "products", "receipt")
PICTURE = "https://pictures.example/pot.jpg"
BRAND = f"""\
logo: {PICTURE}
logo_dark: {PICTURE}
colours: {{accent: "#24594f"}}
imprint: Quitte & Kanne OG, FN 123456x
social: {{instagram: https://social.example/quitte}}
"""
HEAD = """\
---
subject: What is new, {{ contact.first_name }}
preheader: The first throw of the year has cooled.
layout: LAYOUT
picture: {url: PICTURE, alt: A green pot, link: https://shop.example/pot}
items:
  - {title: Hand-thrown teapot, price: "48.00", url: https://shop.example/pot, image_url: PICTURE, alt: A green teapot,
     reason: Because you bought the cup, button: Have a look}
  - {title: "First flush Darjeeling, 100 g", price: 12.5, old_price: 15, url: https://shop.example/d,
     image_url: PICTURE}
  - {title: Linen towel, text: "Washed, so that it dries from the first day.", price: from 9 euros}
---
"""
BODY = """\
# Pots for slow mornings

Dear {{ contact.first_name }}, the **first throw** of the year has [cooled]({{ shop.url }}/new) with `CODE10`.

## And there is more

- one
- two

| What | Price |
|---|---|
| Tea | 4.50 |

> When we wonder, we think of the people it would go to.

[Have a look]({{ shop.url }}/new "button")

{% include "mailflow/divider.html" %}

{% with text="The quietest place in town.", author="Berta" %}
{% include "mailflow/quote.html" %}
{% endwith %}

{% with image_url="PICTURE", alt="A pot", link="https://shop.example/pot" %}
{% include "mailflow/image.html" %}
{% endwith %}

{% with url=shop.url, label="Or look here" %}
{% include "mailflow/button.html" %}
{% endwith %}
"""
MJML = """\
---
subject: What is new, {{ contact.first_name }}
preheader: The first throw of the year has cooled.
---
<mj-section>
  <mj-column>
    <mj-text><h1>Pots for slow mornings</h1>
    Dear {{ contact.first_name }},<br>here they <a href="{{ shop.url }}">are</a>.</mj-text>
    {% if contact.orders.count > 3 %}<mj-button href="{{ shop.url }}">Have a look</mj-button>{% endif %}
  </mj-column>
</mj-section>
{% for row in [1, 2] %}
<mj-section>
  <mj-column><mj-image src="PICTURE" alt="A pot" /></mj-column>
  <mj-column><mj-text>Row {{ row }} of two.</mj-text></mj-column>
</mj-section>
{% endfor %}
"""


def known(**more: Any) -> dict[str, Any]:
    """Return the context of a sample person, with an order."""
    order = {"subtotal": Decimal(73), "shipping": Decimal("4.90"), "tax": Decimal("12.98"), "total": Decimal("77.90")}
    return {**context.sample(), **order, "currency": "EUR", **more}


def write(folder: Path, layout: str, brand: str = BRAND) -> str:
    """Write the letter of a layout (`mjml`: of the one in MJML) into a workspace and return the template's name."""
    (folder / "templates").mkdir(parents=True, exist_ok=True)
    (folder / "brand.yaml").write_text(brand, encoding="utf-8")
    text, suffix = (MJML, "mjml") if layout == "mjml" else (HEAD.replace("LAYOUT", layout) + BODY, "md")
    (folder / "templates" / f"{layout}.{suffix}").write_text(text.replace("PICTURE", PICTURE), encoding="utf-8")
    return layout


def letter(folder: Path, layout: str, brand: str = BRAND, **more: Any) -> Rendered:
    """Return the letter of a layout, rendered."""
    return templates.load(folder / "templates", write(folder, layout, brand)).render(known(**more))
