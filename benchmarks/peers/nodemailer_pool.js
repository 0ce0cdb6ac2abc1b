// Send the letter with nodemailer's pool, rendered for each recipient: HTML and text by nunjucks, which reads the same
// template files as jinja2 does. Usage: node nodemailer_pool.js PORT CONNECTIONS LETTER_FOLDER RECIPIENTS_JSON
// Prints one line of JSON: the messages accepted, and the seconds of the send phase without node's own start-up.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const nodemailer = require("nodemailer");
const nunjucks = require("nunjucks");

const shop = { address: "Backgasse 3, 79098 Freiburg, Germany" };
const [port, connections] = process.argv.slice(2, 4).map(Number);
const [letter, recipientsFile] = process.argv.slice(4);

function compile(name, autoescape) {
  const environment = new nunjucks.Environment(null, { autoescape });
  return nunjucks.compile(fs.readFileSync(path.join(letter, name), "utf8"), environment);
}

async function main() {
  const recipients = JSON.parse(fs.readFileSync(recipientsFile, "utf8"));
  const html = compile("letter.html", true);
  const text = compile("letter.txt", false);
  const pool = nodemailer.createTransport({
    host: "127.0.0.1",
    port,
    pool: true,
    maxConnections: connections,
    maxMessages: Infinity,
    ignoreTLS: true,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  let next = 0;
  let accepted = 0;
  async function sender() {
    while (next < recipients.length) {
      const contact = recipients[next++];
      const unsubscribe_url = `mailto:leave+${contact.token}@bakery.example`;
      await pool.sendMail({
        from: "The Bakery <news@bakery.example>",
        to: { name: `${contact.first_name} ${contact.last_name}`, address: contact.email },
        subject: `${contact.first_name}, news from the oven`,
        html: html.render({ contact, shop, unsubscribe_url }),
        text: text.render({ contact, shop, unsubscribe_url }),
        list: { unsubscribe: { url: unsubscribe_url } },
      });
      accepted++;
    }
  }
  const started = process.hrtime.bigint();
  await Promise.all(Array.from({ length: connections * 2 }, sender));
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  pool.close();
  console.log(JSON.stringify({ accepted, seconds }));
}

main();
