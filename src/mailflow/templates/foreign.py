"""Tags of other tools in a template that came from there: whose a tag is, and what to write here in its place.

Where they are met: a tag that Jinja cannot read in build.py, a name that nobody has in environment.py and lint/fields,
text that nobody replaced in lint/wording and lint/links.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

_THERE = '{{ contact.first_name | default("there") }}'
# What each name is here; asked for without case, signs and what it is of: `FNAME`, `{{ customer.first_name }}`.
_NAMES = {
    _THERE: "fname firstname first givenname vorname prenom nombre nome name fullname customername clientname"
    " recipientname subscribername contactname namedeskunden",
    "{{ contact.last_name }}": "lname lastname last surname familyname nachname",
    "{{ contact.email }}": "email emailaddress mail useremail subscriberemail recipientemail",
    "{{ contact.phone }}": "phone phonenumber mobile sms telephone",
    "{{ contact.company }}": "company",
    "{{ contact.city }}": "city town",
    "{{ contact.region }}": "state region province",
    "{{ contact.country }}": "country",
    "{{ contact.postcode }}": "zip zipcode postcode postalcode",
    "{{ contact.birthday }}": "birthday birthdate dateofbirth dob",
    "{{ contact.language }}": "language locale lang",
    "{{ unsubscribe_url }}": "unsub unsubscribe unsubscribelink unsubscribeurl unsubscribehref optout optoutlink"
    " optouturl unsubscribelinkhref globalunsubscribe asmglobalunsubscriberawurl unsubscribeall unsubscribepreferences"
    " updateprofile updateprofilelink updateprofileurl preferences preferencesurl managepreferences unsubscribetext"
    " subscriptioncenterurl managesubscription managesubscriptionurl preferencecenter preferencecenterurl",
    "{{ view_url }}": "archive archiveurl webversion webversionurl webview webviewurl viewinbrowser viewinbrowserurl"
    " browserlink mirror mirrorlink mirrorurl viewonline viewasapage viewaswebpage viewaswebpageurl permalink weblink"
    " onlineversion onlineversionurl webversionlink viewemailurl",
    "{{ shop.address }}": "listaddress listaddresshtml htmllistaddresshtml physicaladdress senderaddress accountaddress"
    " organizationaddress companyaddress postaladdress mailingaddress businessaddress companystreetaddress"
    " sendercontactinfo siteofficelocation address fulladdress organizationfulladdress",
    "{{ shop.name }}": "listcompany sendername organizationname organization shopname storename companyname"
    " productname yourname yourcompany yourcompanyname yourshop yourshopname yourstore yourstorename yourbusiness"
    " yourbusinessname blogname sitename sitetitle accountname brandname businessname fromname listname",
    "{{ shop.url }}": "siteurl website websiteurl shopurl storeurl homepage producturl listurl companyurl baseurl"
    " domain shopdomain organizationurl",
    "{{ shop.email }}": "supportemail fromemail senderemail listemail replyto replytoemail contactemail companyemail",
    "{{ subject }}": "subject mcsubject subjectline emailsubject emailtitle campaignsubject",
    "{{ preheader }}": "preheader preheadertext previewtext mcpreviewtext preview",
    "{{ today.year }}": "currentyear year",
    '{{ today | date("long") }}': "date today currentdate sendingdate todaysdate datenow now",
    "{{ loop.index }}": "index",
    "{{ offer.code }}": "coupon couponcode discountcode vouchercode promocode voucher promo",
}
_OURS = {name: ours for ours, names in _NAMES.items() for name in names.split()}
_OWNERS = frozenset(
    "account attributes campaign contact contactfield contacts customer data fields lead list member merge message org"
    " organization params person profile property recipient sender shop store subscriber system user var vars".split()
)
_TOKENS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[A-Z]|\d+")
_BEYOND = "{{ … }} with a name of mailflow's (docs/templates.md)"
_OUT = "take it out"

_WORDS = {
    "if": "{% if … %}", "unless": "{% if not … %}", "each": "{% for x in … %}", "range": "{% for x in … %}",
    "with": "{% with x=… %}", "else": "{% else %}", "elseif": "{% elif … %}", "elsif": "{% elif … %}",
    "end": "{% endif %} or {% endfor %}", "ifnot": "{% if not … %}", "ifequal": "{% if a == b %}",
    "extends": "layout: NAME at the top", "block": "the text itself", "include": '{% include "blocks/NAME.html" %}',
    "partial": '{% include "blocks/NAME.html" %}', "render": '{% include "blocks/NAME.html" %}',
    "section": "the section itself", "template": '{% include "blocks/NAME.html" %}',
    "assign": "{% set name = value %}", "capture": "{% set name = value %}", "case": "{% if … %} {% elif … %}",
    "when": "{% elif … %}", "comment": "{# … #}", "endcomment": _OUT, "load": _OUT,
    "trans": "the words; translations are files of their own, NAME.de.md",
    "blocktrans": "the words; translations are files of their own, NAME.de.md",
    "translate": "the words; translations are files of their own, NAME.de.md",
    "url": "{{ shop.url }}/…", "static": "the whole https:// address", "now": "{{ today.year }}",
    "unsubscribe": '<a href="{{ unsubscribe_url }}">Unsubscribe</a>',
    "unsubscribe_link": "{{ unsubscribe_url }}", "manage_preferences": "{{ unsubscribe_url }}",
    "web_view": '<a href="{{ view_url }}">View in browser</a>', "web_view_link": "{{ view_url }}",
    "view_in_browser": '<a href="{{ view_url }}">View in browser</a>',
    "autoescape": _OUT, "endautoescape": _OUT, "spaceless": _OUT, "endspaceless": _OUT,
    "csrf_token": _OUT, "cycle": "{{ loop.cycle(a, b) }}", "endunless": "{% endif %}",
    "endcase": "{% endif %}", "endblocktrans": _OUT, "endtrans": _OUT, "endcapture": _OUT,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag as it stands in a text, the tools that write so, and what to write in its place."""

    text: str
    tool: str
    ours: str
    start: int
    more: int = 0  # tags for which the same is to be written

    def sentence(self) -> str:
        """Return what is wrong with it, and what to write."""
        what = self.ours if self.ours == _OUT else f"write {self.ours}"
        others = f" ({self.more} more such)" if self.more else ""
        return f"{_short(self.text)} is a tag of {self.tool}: {what}{others}"


@dataclass(frozen=True, slots=True)
class _Kind:
    """How tags of some tools look; groups `name`, of a value, or `word`, of a statement."""

    tool: str
    pattern: re.Pattern[str]


def _kind(tool: str, pattern: str) -> _Kind:
    return _Kind(tool, re.compile(pattern))


# Gaps that a draft leaves for somebody to fill, which no tool does; not `polls[name]` nor a link in Markdown.
_GAPS = (
    r"(?i:(?<![\w\])])\[(?P<name>(?:(?:customer|client|contact|recipient|subscriber)(?:['’]?s)? )?"
    r"(?:(?:first|last|full|sur)[ _-]?)?name"
    r"|your (?:name|(?:company|shop|store|business)(?: name)?)|vorname|nachname|name des kunden|prénom|nombre|nome)"
    r"\](?![(\[:]))"
)
# Text to mailflow, so that nothing would replace it. None of them is what people write in a letter.
_AS_TEXT = (
    _kind("Mailchimp", r"\*\|(?P<word>IF|ELSEIF|ELSE|END|IFNOT)(?::[^|\n]{0,80})?\|\*"),
    _kind("Mailchimp", r"\*\|(?P<name>[A-Za-z][^|\n]{0,80})\|\*"),
    _kind("Salesforce, Pardot or SendGrid", r"%%(?:=|\[)?(?P<name>[A-Za-z_][^%\n]{0,80}?)(?:=|\])?%%"),
    _kind("ActiveCampaign or Mailgun", r"%(?P<name>[A-Z][A-Z_-]{3,40}|recipient\.\w{1,40})%"),
    _kind("EJS or Ruby (ERB)", r"<%(?![-=])(?P<statement>[^%\n]{0,200})%>"),
    _kind("EJS or Ruby (ERB)", r"<%[-=](?P<name>[^%\n]{0,80})%>"),
    _kind("MailerLite or Smarty", r"\{\$(?P<name>[A-Za-z_][\w.]{0,60})[^{}\n]{0,60}\}"),
    _kind("Mailjet, GetResponse or Constant Contact", r"\[\[(?:(?:var|data):)?(?P<name>[A-Za-z][^\[\]\n]{0,60})\]\]"),
    _kind("Zoho", r"\$\[(?P<name>[A-Za-z_:]+)\|[^\]\n]{0,60}\]\$"),
    _kind("Odoo or a program", r"\$\{(?P<name>[A-Za-z_][\w.]{0,60})[^{}\n]{0,60}\}"),
    _kind("Mautic", r"\{contactfield=(?P<name>\w{1,60})(?:\|[^{}\n]{0,60})?\}"),
    _kind("Campaign Monitor", r"\[(?P<name>\w{1,40}),\s*fallback=[^\]\n]{0,60}\]"),
    _kind("Campaign Monitor", r"<(?P<name>unsubscribe|webversion|preferences)\b[^>]{0,60}>"),
    _kind("AWeber", r"\{!(?P<name>\w{1,60})[^{}\n]{0,60}\}"),
    _kind("a draft that was to be filled in", _GAPS),
    _kind("mailflow with its braces parted", r"\{ \{\s*(?P<name>[A-Za-z_][\w.]{0,60})[^{}\n]{0,60}\} \}"),
    _kind("Omnisend, Mautic or Brevo", r"\{(?P<name>[a-z]{2,30}(?:[_.][a-z]{1,30}){1,4}|[A-Z]{4,30})\}"),
)  # fmt: skip
# Between the braces that mailflow reads too, so that it cannot make sense of them.
_IN_BRACES = (
    _kind("Handlebars or Mustache", r"\{\{\{(?P<name>[^{}]{0,80})\}\}\}"),
    _kind("Handlebars", r"\{\{~?\s*(?:>\s*(?P<partial>[^{}\s]{1,60})|!(?P<comment>[^{}]{0,60}))[^{}]{0,80}\}\}"),
    _kind("Handlebars or Mustache", r"\{\{~?\s*[#^](?P<word>\w{1,30})[^{}]{0,80}\}\}"),
    _kind("Handlebars or Mustache", r"\{\{~?\s*/(?P<close>\w{1,30})[^{}]{0,80}\}\}"),
    _kind("Handlebars", r"\{\{~?\s*(?P<word>else)(?:\s+if\b[^{}]{0,80})?\s*~?\}\}"),
    _kind("listmonk (Go)", r"\{\{-?\s*(?P<word>if|range|with|template|define|block|end)\b[^{}]{0,80}\}\}"),
    _kind("listmonk (Go)", r"\{\{-?\s*\.(?P<name>[A-Za-z][\w.]{0,60})[^{}]{0,80}\}\}"),
    _kind("listmonk (Go)", r"\{\{-?\s*(?P<name>[A-Za-z]\w{0,40})\s+\"[^{}]{0,200}\}\}"),
    _kind("Handlebars", r"\{\{\s*(?:this\b[./]?|\.\./)\s*(?P<item>[\w.]{0,60})\s*\}\}"),
    _kind("Handlebars or Mustache", r"\{\{\s*[@&]\s*(?P<name>[\w.]{1,60})\s*\}\}"),
    _kind("Liquid or Klaviyo", r"\{\{-?\s*(?P<name>[\w.]{1,60})\s*\|\s*(?P<filter>\w{1,30})\s*:[^{}]{0,80}\}\}"),
    _kind("Marketo or Handlebars", r"\{\{\s*(?P<name>[A-Za-z][\w.:]{0,60}(?:\s+[\w.:]{1,60}){1,4})\s*\}\}"),
    _kind("Django, Liquid or Klaviyo", r"\{%-?\s*(?P<word>" + "|".join(sorted(_WORDS)) + r")\b[^{}]{0,200}%\}"),
    _kind("EJS or Ruby (ERB)", r"<%(?![-=])(?P<statement>[^%\n]{0,200})%>"),
    _kind("EJS or Ruby (ERB)", r"<%[-=](?P<name>[^%\n]{0,80})%>"),
)  # fmt: skip
_OF_OURS = frozenset("if else elif with include set endif endfor endwith raw endraw".split())


def ours(name: str) -> str | None:
    """Return mailflow's tag for a name of another tool such as `FNAME` or `subscriber.firstName`, None if unknown."""
    tokens = [token.lower() for token in _TOKENS.findall(name)]
    while tokens:
        if found := _OURS.get("".join(tokens)):
            return found
        if tokens[0] not in _OWNERS:
            return None
        tokens = tokens[1:]
    return None


def hint(name: str) -> str:
    """Return ` (mailflow says {{ … }})` for a name that another tool has, else nothing."""
    found = ours(name)
    return f" (mailflow says {found})" if found else ""


def left(text: str) -> Iterator[Tag]:
    """Yield the tags of other tools in a text as people would read it, in order."""
    yield from _found(_AS_TEXT, text)


def unreadable(text: str, line: int) -> list[Tag]:
    """Return the tags of other tools in a template that Jinja stopped at a line of, each kind once.

    They are told all at once, so that one need not mend one after the other.
    """
    found = [tag for tag in _found(_IN_BRACES, text) if not _is_ours(tag)]
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    begin = starts[min(line, len(starts)) - 1]
    end = text.find("\n", begin) % (len(text) + 1)  # that of the text behind the last line end
    if not any(begin <= tag.start + len(tag.text) and tag.start < end for tag in found):
        return []
    kinds: defaultdict[tuple[str, str], list[Tag]] = defaultdict(list)
    for tag in found:
        kinds[tag.tool, tag.ours].append(tag)
    return [replace(several[0], more=len(several) - 1) for several in kinds.values()]


def _is_ours(tag: Tag) -> bool:
    """Whether mailflow has a statement of that name itself, so that something else is wrong there."""
    word = re.match(r"\{%-?\s*(\w+)", tag.text)
    return bool(word and word[1] in _OF_OURS)


def _found(kinds: tuple[_Kind, ...], text: str) -> Iterator[Tag]:
    """Yield the tags of some kinds in a text, in order; of two in one place that of the kind that is named first."""
    matches = [
        (match.start(), order, match) for order, kind in enumerate(kinds) for match in kind.pattern.finditer(text)
    ]
    end = 0
    for start, order, match in sorted(matches, key=lambda each: each[:2]):
        if start >= end:
            end = match.end()
            yield Tag(match[0], kinds[order].tool, _written(match.groupdict()), start)


def _written(groups: dict[str, str | None]) -> str:
    """Return what to write here for a tag, by the groups that its pattern found."""
    if word := groups.get("word"):
        return _WORDS.get(word.lower(), "{% if … %} or {% for x in … %}")
    if close := groups.get("close"):
        return "{% endfor %}" if close == "each" else "{% endif %}" if close in ("if", "unless") else "{% endwith %}"
    if groups.get("partial"):
        return _WORDS["partial"]
    if groups.get("comment") is not None:
        return _WORDS["comment"]
    if groups.get("statement"):
        return "{% if … %} or {% for x in … %}"
    if item := groups.get("item"):
        return f"{{{{ x.{item} }}}} inside of {{% for x in … %}}"
    name = (groups.get("name") or "").strip(" \t\n-")
    found = ours(name) or ours(re.split("[:|]", name)[0])  # what stands behind is what to say in its place
    if found:
        return found
    if groups.get("filter"):
        return f"a filter's value in brackets, {{{{ {name} | {groups['filter']}(…) }}}}"
    return _BEYOND


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 40 else f"{text[:39]}…"
