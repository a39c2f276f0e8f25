import type { ClusterSummary, OverviewModel } from "../model/overview.ts";
import { containerOf, pageOf, partOf } from "./layout.ts";
import { badge, countText, empty, html, type Markup, timeOf } from "./markup.ts";
import { settlement } from "./summary.ts";

/** All clusters of the mesh. `base`: the address of this page. */
export function overviewPage({ mesh, clusters }: OverviewModel, base: string): string {
  const list = partOf("clusters", listOf(clusters, base));
  return pageOf({
    title: `${mesh} · Weft`,
    crumbs: html`<span class="sep">mesh</span><h1>${mesh}</h1>`,
    main: containerOf(list, { class: "card", "aria-labelledby": "clusters-title" }),
    live: {},
  });
}

function listOf(clusters: readonly ClusterSummary[], base: string): Markup {
  return html`<header><h2 id="clusters-title">Clusters</h2><p>${countText(clusters.length, "cluster")} of the mesh</p></header>
    ${
      clusters.length === 0
        ? empty(
            "No cluster has joined this mesh.",
            "A cluster joins when its publisher’s public key is registered. Then start a gateway in it, with the name of this mesh.",
          )
        : html`<table class="rows stack">
            <thead><tr><th scope="col">Cluster</th><th scope="col">Version</th><th scope="col">Proxies</th><th scope="col">Problems</th><th scope="col">Last change</th><th scope="col">Last report</th></tr></thead>
            <tbody>${clusters.map((cluster) => rowOf(cluster, base))}</tbody>
          </table>`
    }`;
}

function rowOf(summary: ClusterSummary, base: string): Markup {
  const { cluster, version, problems, reported, published } = summary;
  return html`<tr>
    <th scope="row" data-label="Cluster"><a href=${`${base}/${cluster}`}>${cluster}</a></th>
    <td data-label="Version"><span>${version === 0 ? html`<span class="quiet">nothing published</span>` : version}</span></td>
    <td data-label="Proxies"><span>${settlement(summary)}</span></td>
    <td data-label="Problems"><span>${problems === 0 ? badge("good", "none") : badge("bad", countText(problems, "problem"))}</span></td>
    <td data-label="Last change"><span>${published === undefined ? html`<span class="quiet">never</span>` : timeOf(published, "age")}</span></td>
    <td data-label="Last report"><span>${reported === undefined ? html`<span class="quiet">never</span>` : timeOf(reported, "age")}</span></td>
  </tr>`;
}
