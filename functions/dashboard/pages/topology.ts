import { parseNamespacedName } from "../../../shared/core/mesh/mesh.ts";
import type { AccessCell, AccessColumn, AccessLevel, AccessModel, AccessRow } from "../model/access.ts";
import type { PolicyModel } from "../model/cluster.ts";
import { badge, countText, empty, html, type Markup } from "./markup.ts";

/** Above this many destinations cells show only a sign. */
const roomyColumns = 9;

/** Who may call whom: a matrix of accounts. */
export function topology(policy: PolicyModel | undefined): Markup {
  return html`<header>
      <h2 id="topology-title">Who may call whom</h2>
      <p>${policy === undefined ? "by policy" : modeText(policy.access)}</p>
      ${policy && html`<span class="end">${policy.access.mode === "permissive" ? badge("warn", "permissive") : badge("info", "enforced")}</span>`}
    </header>
    ${policy === undefined ? nothingYet() : accessOf(policy.access)}`;
}

function modeText({ mode, rows, columns }: AccessModel): string {
  const size = `${countText(rows.length, "source")} × ${countText(columns.length, "destination")}`;
  return mode === "permissive"
    ? `${size}; every workload of the mesh may call every other, policies do not count`
    : `${size}; what no policy gives is refused`;
}

function nothingYet(): Markup {
  return empty(
    "Nothing has been compiled for this cluster yet.",
    "The gateway sends a list of the cluster first. Check that it runs (/readyz on its admin port), and that it may send to the hub mesh-events.",
  );
}

function accessOf(access: AccessModel): Markup {
  if (access.rows.length === 0 || access.columns.length === 0) {
    return empty(
      access.rows.length === 0 ? "No workload is in the mesh." : "No workload of the mesh serves a port.",
      access.rows.length === 0
        ? html`Label a namespace <code>openservicemesh.io/monitored-by</code>, and restart its pods so that they get a sidecar.`
        : html`Create a Service that selects pods in a namespace of the mesh.`,
    );
  }
  return html`${matrixOf(access)} ${legendOf(access)}`;
}

function matrixOf({ mode, rows, columns }: AccessModel): Markup {
  const tight = columns.length > roomyColumns;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Matrix of accounts">
    <table class=${`matrix ${tight ? "tight" : "roomy"} ${mode}`}>
      <caption class="sr">Which account may call which: one row a source, one column a destination</caption>
      <thead><tr><th class="corner" scope="col">from ↓ to →</th>${columns.map((column) => columnHead(column, tight))}</tr></thead>
      <tbody>${rows.map((row) => rowOf(row, tight))}</tbody>
    </table>
  </div>`;
}

function columnHead({ to, runs, ports }: AccessColumn, tight: boolean): Markup {
  const { namespace, name } = parseNamespacedName(to);
  const title = `${to}${runs ? "" : " (no workload runs as it)"}`;
  if (tight) {
    return html`<th scope="col"><span class=${runs ? "col" : "col ghost"} title=${title}><span class="ns">${namespace}/</span>${name}</span></th>`;
  }
  return html`<th scope="col" title=${title}>
    <span class=${runs ? "who" : "who ghost"}><span class="ns">${namespace}</span>${name}</span>
    <span class="ports">${ports.length === 0 ? "serves nothing" : ports.map(({ targetPort, protocol }) => `:${targetPort} ${protocol}`).join(", ")}</span>
  </th>`;
}

function rowOf({ from, runs, cells }: AccessRow, tight: boolean): Markup {
  const { namespace, name } = parseNamespacedName(from);
  const slash = tight ? "/" : "";
  return html`<tr>
    <th scope="row" class="from" title=${`${from}${runs ? "" : " (no workload runs as it)"}`}>
      <span class=${runs ? "who" : "who ghost"}><span class="ns">${namespace}${slash}</span>${name}</span>
    </th>
    ${cells.map((cell) => html`<td>${cellOf(from, cell, tight)}</td>`)}
  </tr>`;
}

const levelWords: Readonly<Record<AccessLevel, string>> = {
  all: "every request",
  some: "some requests",
  tcp: "connections",
  idle: "granted, nothing listens",
  open: "open, because permissive",
  closed: "no",
};

function cellOf(from: string, { to, level, text }: AccessCell, tight: boolean): Markup {
  const words = text === "" ? levelWords[level] : text;
  const title = `${from} → ${to}: ${words}`;
  const sign = html`<span class="glyph" aria-hidden="true"></span>`;
  const label = tight || text === "" ? html`<span class="sr">${words}</span>` : html`<span>${text}</span>`;
  return level === "closed" || level === "open"
    ? html`<span class=${`cell ${level}`} title=${title}>${sign}${label}</span>`
    : html`<a class=${`cell ${level}`} title=${title} href=${`#${allowanceId(from, to)}`}>${sign}${label}</a>`;
}

function legendOf({ mode }: AccessModel): Markup {
  const levels: readonly AccessLevel[] = ["all", "some", "tcp", mode === "permissive" ? "open" : "closed"];
  return html`<div class="legend">
    ${levels.map((level) => html`<span class=${`cell ${level}`}><span class="glyph" aria-hidden="true"></span><span>${levelWords[level]}</span></span>`)}
    ${mode === "permissive" && html`<span>Hatched: open now, whatever the sign says; signs are what policies alone would give.</span>`}
  </div>`;
}

/** Where a cell of the matrix leads. */
export function allowanceId(from: string, to: string): string {
  return `may-${from.replace("/", ".")}-${to.replace("/", ".")}`;
}
