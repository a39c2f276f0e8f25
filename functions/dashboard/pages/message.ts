import { pageOf } from "./layout.ts";
import { html, type Markup } from "./markup.ts";

/** A page that says one thing: what is the matter, and what to do. */
export function messagePage(title: string, text: Markup): string {
  return pageOf({
    title: `${title} · Weft`,
    crumbs: "",
    main: html`<div class="page-message"><h1>${title}</h1><p>${text}</p></div>`,
  });
}
