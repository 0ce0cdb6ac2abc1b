"""What docs/offers.md and the shop's own offers.yaml say about offers is what is read."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from mailflow.campaigns.spec import CampaignSpec
from mailflow.config.yaml_files import parse_spec, parse_yaml
from mailflow.jobs import offering, preview
from mailflow.jobs import offers as job
from mailflow.offers import give
from mailflow.offers.spec import OfferSpec
from mailflow.workspace import Workspace
from offer_shop import offer_shop
from posting import NOW
from test_docs_campaigns import DOCS, keys_of

PAGE = (DOCS / "offers.md").read_text(encoding="utf-8")


def shop_with(folder: Path, offers: str) -> Workspace:
    shop = offer_shop(folder, None, 1, offers=offers)
    (shop.root / "codes").mkdir(exist_ok=True)
    return shop


def test_every_key_of_an_offer_is_explained() -> None:
    assert keys_of("offers.md", "## 2") == set(OfferSpec.model_fields)


def test_every_name_in_a_template_is_explained(tmp_path: Path) -> None:
    shop = shop_with(tmp_path / "shop", "comeback:\n  code: A1\n")
    known = give.sample(offering.offers(shop).get("comeback"), "x", offering.keyed(shop), now=NOW)
    assert set(re.findall(r"`offer\.([a-z_]+)`", PAGE.partition("## 4")[0])) == set(known)


def test_the_example_goes_from_the_list_to_the_mail(tmp_path: Path) -> None:
    offers, campaign = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (codes,) = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)
    (template,) = re.findall(r"```markdown\n(.*?)```", PAGE, re.DOTALL)
    shop = shop_with(tmp_path / "shop", offers)
    (shop.root / "codes" / "comeback10.csv").write_text(codes, encoding="utf-8")
    parse_spec(CampaignSpec, parse_yaml(f"id: back\n{campaign}", "offers.md"))
    (shop.root / "campaigns" / "back.yaml").write_text(campaign, encoding="utf-8")
    (shop.templates / "back.md").write_text(template, encoding="utf-8")
    (line,) = job.overview(shop, NOW)
    assert (line.offer, line.kind, line.free) == ("comeback10", "pool", 2)
    text = preview.preview(shop, "back", None, now=NOW).rendered.text
    assert re.search(r"your code is SAMPLE-\w{8}\. It is worth 10% until ", text)


def test_the_examples_of_a_new_workspace_can_be_switched_on(tmp_path: Path) -> None:
    shipped = (resources.files("mailflow") / "packs" / "shop" / "offers.yaml").read_text(encoding="utf-8")
    shop = shop_with(tmp_path / "shop", shipped)
    assert offering.offers(shop).by_name == {}
    switched_on = re.sub(r"^# (?=(?: {2}|[a-z0-9]+:$))", "", shipped, flags=re.MULTILINE)
    (shop.root / "offers.yaml").write_text(switched_on, encoding="utf-8")
    assert list(offering.offers(shop).by_name) == ["comeback10", "birthday", "xmas"]
    named = set(re.findall(r"^ {2}([a-z_]+):", switched_on, re.MULTILINE))
    assert named == set(OfferSpec.model_fields), "every key has an example"
