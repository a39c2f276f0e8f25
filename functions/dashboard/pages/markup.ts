import { html } from "htm/preact";
import type { VNode } from "preact";
import { renderToString } from "preact-render-to-string";
import type { HttpMatch } from "../../../shared/core/mesh/mesh.ts";
import type { ObjectKey } from "../../../shared/core/object.ts";

/** A piece of a page. Everything that is put into it is escaped when it is written out. */
export type Markup = VNode | string | readonly Markup[];

export { html };

export function toHtml(markup: VNode): string {
  return renderToString(markup);
}

/** A time for people: absolute in UTC; the script of a live page turns those with `age` into "12 s ago". */
export function timeOf(iso: string, form: "age" | "clock"): Markup {
  const day = iso.slice(0, 10);
  const clock = iso.slice(11, 23);
  return form === "age"
    ? html`<time dateTime=${iso} data-age title=${iso}>${`${day} ${clock.slice(0, 8)} UTC`}</time>`
    : html`<time dateTime=${iso} title=${iso}>${clock}</time>`;
}

/** 155 ms, 1.42 s, 42 s, 3 min, 2 h, 5 d */
export function durationText(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}

export function countText(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

export type Tone = "good" | "warn" | "bad" | "quiet" | "info";

/** A state by colour and by word. */
export function badge(tone: Tone, text: string): Markup {
  return html`<span class=${`badge ${tone}`}>${text}</span>`;
}

/** `kind namespace/name`, the kind quiet. */
export function objectOf({ kind, namespace, name }: ObjectKey): Markup {
  return html`<span class="object"><span class="kind">${kind}</span> <code>${namespace !== "" && html`${namespace}/<wbr />`}${name}</code></span>`;
}

/** `namespace/name`, the namespace quiet. */
export function nameOf(key: string): Markup {
  const slash = key.indexOf("/");
  return html`<span class="name" title=${key}><span class="ns">${key.slice(0, slash + 1)}</span><wbr />${key.slice(slash + 1)}</span>`;
}

export function matchOf({ path, methods, headers }: HttpMatch): Markup {
  return html`<span class="match">
    <span class="method">${methods.length === 0 ? "any method" : methods.join(", ")}</span> <code>${path === ".*" ? "any path" : path}</code>
    ${headers.map(({ name, value }) => html` <span class="header">${name}: <code>${value}</code></span>`)}
  </span>`;
}

/** What a reader sees where there is nothing, and what to do about it. */
export function empty(what: Markup, next: Markup): Markup {
  return html`<div class="empty"><p class="what">${what}</p><p>${next}</p></div>`;
}
