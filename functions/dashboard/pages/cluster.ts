import type { ClusterModel } from "../model/cluster.ts";
import { acts } from "./acts.ts";
import { changes } from "./changes.ts";
import { containerOf, type Part, pageOf, partOf } from "./layout.ts";
import { html } from "./markup.ts";
import { problems } from "./problems.ts";
import { proxies } from "./proxies.ts";
import { rules } from "./rules.ts";
import { services } from "./services.ts";
import { notices, statusLine, tiles } from "./summary.ts";
import { topology } from "./topology.ts";

const sections = [
  ["topology", "Policy"],
  ["services", "Services"],
  ["rules", "Rules"],
  ["changes", "Changes"],
  ["proxies", "Proxies"],
  ["problems", "Problems"],
  ["acts", "Pins"],
] as const;

type PartId = (typeof sections)[number][0] | "status" | "notices" | "summary";

/** The parts of a cluster's page that change by themselves. */
export type ClusterParts = Readonly<Record<PartId, Part>>;

export function clusterParts(model: ClusterModel): ClusterParts {
  return {
    status: partOf("status", statusLine(model)),
    notices: partOf("notices", notices(model.notices)),
    summary: partOf("summary", tiles(model)),
    topology: partOf("topology", topology(model.policy)),
    rules: partOf("rules", rules(model.policy?.access)),
    services: partOf("services", services(model.policy?.services)),
    changes: partOf("changes", changes(model.changes)),
    proxies: partOf("proxies", proxies(model.proxies)),
    problems: partOf("problems", problems(model.problems)),
    acts: partOf("acts", acts(model.acts)),
  };
}

/** `overview` and `events` are the addresses of the page above and of this page's stream. */
export function clusterPage(
  { mesh, cluster }: ClusterModel,
  parts: ClusterParts,
  links: { readonly overview: string; readonly events: string },
): string {
  const card = (id: (typeof sections)[number][0]) =>
    containerOf(parts[id], { class: "card", "aria-labelledby": `${id}-title` });
  return pageOf({
    title: `${cluster} · ${mesh} · Weft`,
    crumbs: html`<a href=${links.overview}>${mesh}</a><span class="sep" aria-hidden="true">/</span><h1>${cluster}</h1>`,
    status: containerOf(parts.status, { "aria-live": "polite" }),
    nav: html`<nav aria-label="Sections"><ul>${sections.map(([id, name]) => html`<li><a href=${`#${id}`}>${name}</a></li>`)}</ul></nav>`,
    main: html`${containerOf(parts.notices, { class: "notices" })} ${containerOf(parts.summary)}
      <div class="pair policy">${card("topology")} ${card("services")}</div>
      ${card("rules")}
      <div class="pair">${card("changes")} ${card("proxies")}</div>
      ${card("problems")} ${card("acts")}`,
    live: { events: links.events },
  });
}
