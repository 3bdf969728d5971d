import type { RequestHandler } from "express";

import { html, type Markup } from "../tasks/mail/markup.ts";
import { readOutbox, type KeptMail } from "../tasks/mail/outbox.ts";
import { Refusal } from "./errors.ts";
import { isHere } from "./mail_config.ts";

/** GET /outbox: the mails that development did not send, as a page or as JSON. */
export function outboxPage(directory: string): RequestHandler {
  return async function showOutbox(request, response) {
    // A page of a name that was made to lead here would be of the outbox's own origin.
    if (!isHere(hostnameOf(request.headers.host))) {
      throw new Refusal("DNIED", "The outbox is shown at localhost only");
    }
    const mails = await readOutbox(directory);
    response.set("cache-control", "no-store").vary("accept");
    if (request.query["format"] === "json" || request.accepts(["html", "json"]) === "json") {
      response.json(mails);
      return;
    }
    // What strangers wrote is shown here, so not even a script of our own may run.
    response.set("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'");
    response.type("html").send(page(mails).markup);
  };
}

function hostnameOf(host = ""): string {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : "";
}

function page(mails: readonly KeptMail[]): Markup {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>Outbox</title>
        ${STYLE}
      </head>
      <body>
        <header>
          <h1>Outbox</h1>
          <p>
            Mails that would have been sent: SMTP_URL is not set. The newest is first.
            <a href="/outbox">Look again</a> · <a href="/outbox?format=json">JSON</a>
          </p>
        </header>
        <main>${mails.length === 0 ? html`<p>Nothing yet.</p>` : mails.map(entry)}</main>
      </body>
    </html>`;
}

function entry({ sentAt, from, to, subject, text }: KeptMail): Markup {
  return html`<article>
    <h2>${subject}</h2>
    <dl>
      <dt>To</dt>
      <dd>${to}</dd>
      <dt>From</dt>
      <dd>${from}</dd>
      <dt>At</dt>
      <dd><time datetime="${sentAt}">${sentAt.replace("T", " ").replace("Z", " UTC")}</time></dd>
    </dl>
    <pre>${withLinks(text)}</pre>
  </article> `;
}

/** The text with its web addresses to click on. */
function withLinks(text: string): Markup[] {
  return text
    .split(/(https?:\/\/[^\s<>"]+)/)
    .map((part, index) =>
      index % 2 === 0 ? html`${part}` : html`<a href="${part}" rel="noreferrer">${part}</a>`,
    );
}

const STYLE = html`<style>
  :root {
    color-scheme: light dark;
    --line: color-mix(in srgb, currentcolor 18%, transparent);
  }
  body {
    max-width: 46rem;
    margin: 0 auto;
    padding: 2rem 1rem;
    font:
      16px/1.5 system-ui,
      sans-serif;
  }
  h1 {
    margin: 0;
    font-size: 1.5rem;
  }
  header p {
    margin: 0.25rem 0 2rem;
    opacity: 0.75;
  }
  article {
    margin: 0 0 1.5rem;
    padding: 1.25rem;
    border: 1px solid var(--line);
    border-radius: 8px;
  }
  h2 {
    margin: 0 0 0.5rem;
    font-size: 1.1rem;
  }
  dl {
    display: grid;
    grid-template-columns: max-content 1fr;
    gap: 0 1rem;
    margin: 0 0 1rem;
    font-size: 0.9rem;
  }
  dt {
    opacity: 0.6;
  }
  dd {
    margin: 0;
  }
  h2,
  dd,
  pre {
    overflow-wrap: anywhere;
  }
  pre {
    margin: 0;
    padding-top: 1rem;
    border-top: 1px solid var(--line);
    font: inherit;
    white-space: pre-wrap;
  }
</style>`;
