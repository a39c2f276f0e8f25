import type { ProxiesModel, ProxyModel } from "../model/proxies.ts";
import { badge, empty, html, type Markup, nameOf, timeOf } from "./markup.ts";
import { settlement } from "./summary.ts";

export function proxies(model: ProxiesModel): Markup {
  const { rows, more, replicas, heard } = model;
  return html`<header>
      <h2 id="proxies-title">Proxies</h2>
      <p>wanted and acknowledged versions</p>
      <span class="end">${settlement(model)}</span>
    </header>
    ${rows.length === 0 ? noProxies(heard) : tableOf(rows)}
    ${more > 0 && html`<p class="foot">and ${more} more, farther ahead than these</p>`}
    ${heard !== undefined && html`<p class="foot">${replicas.map(({ replica, serves, connected }) => html`Gateway <code>${replica}</code> serves ${serves} to ${connected} · `)}heard ${timeOf(heard, "age")}</p>`}`;
}

function noProxies(heard: string | undefined): Markup {
  return heard === undefined
    ? empty(
        "No gateway has reported.",
        "It reports when a proxy connects or acknowledges. Check that the gateway runs, and that it may send to the hub mesh-reports.",
      )
    : empty(
        "No proxy is connected.",
        html`Pods get a sidecar when they start in a namespace labelled <code>openservicemesh.io/monitored-by</code>. Restart those that are older than the label.`,
      );
}

function tableOf(rows: readonly ProxyModel[]): Markup {
  return html`<div class="scroll tall" tabindex="0" role="region" aria-labelledby="proxies-title"><table class="rows stack">
    <thead><tr><th scope="col">State</th><th scope="col">Proxy and account</th><th scope="col" class="num">Has / wanted</th><th scope="col">Connected</th></tr></thead>
    <tbody>${rows.map(rowOf)}</tbody>
  </table></div>`;
}

function rowOf({ state, proxy, account, wanted, acknowledged, connectedSince, refused }: ProxyModel): Markup {
  return html`<tr>
      <td data-label="State"><span>${stateOf(state)}</span></td>
      <th scope="row" data-label="Proxy"><span><code>${proxy}</code><span class="under">${nameOf(account)}</span></span></th>
      <td data-label="Has / wanted" class="num"><span>${acknowledged === 0 ? "–" : acknowledged} / ${wanted}</span></td>
      <td data-label="Connected"><span class="quiet">${timeOf(connectedSince, "age")}</span></td>
    </tr>
    ${refused !== undefined && html`<tr class="says"><td></td><td colspan="3">${refused}</td></tr>`}`;
}

function stateOf(state: ProxyModel["state"]): Markup {
  switch (state) {
    case "refusing":
      return badge("bad", "refusing");
    case "behind":
      return badge("warn", "behind");
    case "settled":
      return badge("good", "settled");
  }
}
