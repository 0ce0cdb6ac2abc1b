"""Send the letter the way most Python programs do: jinja2, EmailMessage, and smtplib on one connection.

Usage: python usual_python.py PORT LETTER_FOLDER RECIPIENTS_JSON
"""

from __future__ import annotations

import json
import smtplib
import sys
from email.message import EmailMessage
from email.utils import formataddr, formatdate, make_msgid
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

SHOP = {"address": "Backgasse 3, 79098 Freiburg, Germany"}


def main(port: int, letter: str, recipients: str) -> int:
    """Send to every recipient; return how many the server took."""
    environment = Environment(loader=FileSystemLoader(letter), autoescape=lambda name: str(name).endswith(".html"))
    html, text = environment.get_template("letter.html"), environment.get_template("letter.txt")
    contacts = json.loads(Path(recipients).read_text(encoding="utf-8"))
    with smtplib.SMTP("127.0.0.1", port) as connection:
        for contact in contacts:
            leave = f"mailto:leave+{contact['token']}@bakery.example"
            message = EmailMessage()
            message["From"] = "The Bakery <news@bakery.example>"
            message["To"] = formataddr((f"{contact['first_name']} {contact['last_name']}", contact["email"]))
            message["Subject"] = f"{contact['first_name']}, news from the oven"
            message["Date"] = formatdate()
            message["Message-ID"] = make_msgid(domain="bakery.example")
            message["List-Unsubscribe"] = f"<{leave}>"
            message.set_content(text.render(contact=contact, shop=SHOP, unsubscribe_url=leave))
            message.add_alternative(html.render(contact=contact, shop=SHOP, unsubscribe_url=leave), subtype="html")
            connection.send_message(message)
    return len(contacts)


if __name__ == "__main__":
    print(main(int(sys.argv[1]), *sys.argv[2:]))
