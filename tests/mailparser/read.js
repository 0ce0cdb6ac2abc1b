// Read messages as mailparser does: one line of JSON with a base64 `raw` each on standard input, one line of JSON with the
// header names in order and the decoded values on standard output. test_templates_foreign_parser.py compares.
"use strict";

const readline = require("node:readline");
const { simpleParser } = require("mailparser");

const single = (value) => (value === undefined ? null : value);
const mailbox = (value) => (value ? value.value.map(({ name, address }) => ({ name, address })) : null);

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const mail = await simpleParser(Buffer.from(JSON.parse(line).raw, "base64"), {
      skipHtmlToText: true,
      skipTextToHtml: true,
      skipTextLinks: true,
      skipImageLinks: true,
    });
    const read = {
      names: mail.headerLines.map(({ key }) => key),
      lines: Object.fromEntries(mail.headerLines.map(({ key, line: text }) => [key, text])),
      subject: single(mail.subject),
      from: mailbox(mail.from),
      to: mailbox(mail.to),
      replyTo: mailbox(mail.replyTo),
      messageId: single(mail.messageId),
      text: single(mail.text),
      html: mail.html || null,
      attachments: mail.attachments.map(({ filename, contentType, content, cid }) => ({
        filename: single(filename),
        contentType,
        content: content.toString("base64"),
        cid: single(cid),
      })),
    };
    process.stdout.write(`${JSON.stringify(read)}\n`);
  }
}

main();
