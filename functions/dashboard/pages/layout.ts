import { contentHash } from "../../../shared/core/canonical.ts";
import { html, type Markup, toHtml } from "./markup.ts";
import { script } from "./script.ts";
import { styles } from "./styles.ts";

/** A piece of a page that changes by itself: `id` names its container, `hash` says whether the browser has it. */
export interface Part {
  readonly id: string;
  readonly hash: string;
  readonly html: string;
}

export function partOf(id: string, content: Markup): Part {
  const text = toHtml(html`<${Content}>${content}<//>`);
  return { id, hash: contentHash(text), html: text };
}

function Content({ children }: { readonly children?: unknown }): unknown {
  return children;
}

/** The container of a part, with what it shows now. */
export function containerOf(part: Part, attributes: Readonly<Record<string, string>> = {}): Markup {
  const inner = { __html: part.html };
  return attributes["aria-labelledby"] === undefined
    ? html`<div id=${part.id} data-hash=${part.hash} ...${attributes} dangerouslySetInnerHTML=${inner} />`
    : html`<section id=${part.id} data-hash=${part.hash} ...${attributes} dangerouslySetInnerHTML=${inner} />`;
}

export interface PageShape {
  readonly title: string;
  /** Between the brand and the status. */
  readonly crumbs: Markup;
  readonly status?: Markup;
  readonly nav?: Markup;
  readonly main: Markup;
  /** Address of the page's event stream; a page without one is asked for again. Absent: the page never changes. */
  readonly live?: { readonly events?: string };
}

const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 20 20' fill='none' stroke='%231f5fbf' stroke-width='2.4'%3E%3Cpath d='M2 6h7M13 6h5M2 14h3M9 14h9M6 2v3M6 9v9M14 2v9M14 15v3'/%3E%3C/svg%3E";

/** The whole document. */
export function pageOf({ title, crumbs, status, nav, main, live }: PageShape): string {
  const document = html`<html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <title>${title}</title>
      <link rel="icon" href=${icon} />
      <style dangerouslySetInnerHTML=${{ __html: styles }} />
    </head>
    <body data-events=${live?.events}>
      <a class="skip" href="#main">Skip to content</a>
      <header class="top">
        <div class="in">
          <div class="bar1">
            <span class="brand">${logo()}Weft</span>
            <div class="crumbs">${crumbs}</div>
            <div class="status">
              ${status}
              ${live && html`<span class="live" role="status" hidden>Connecting</span>`}
            </div>
          </div>
          ${nav}
        </div>
      </header>
      <main id="main">${main}</main>
      ${live && html`<script dangerouslySetInnerHTML=${{ __html: script }} />`}
    </body>
  </html>`;
  return `<!doctype html>${toHtml(document)}`;
}

function logo(): Markup {
  return html`<svg width="20" height="20" viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="2" aria-hidden="true">
    <path d="M2 6h7M13 6h5M2 14h3M9 14h9M6 2v3M6 9v9M14 2v9M14 15v3" />
  </svg>`;
}
