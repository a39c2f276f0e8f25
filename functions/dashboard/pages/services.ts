import type { ServicePortModel, SplitModel } from "../model/services.ts";
import { badge, countText, empty, html, type Markup, matchOf, nameOf, objectOf } from "./markup.ts";

const listedPorts = 40;

/** Services with who stands behind them, and how splits divide their traffic. */
export function services(ports: readonly ServicePortModel[] | undefined): Markup {
  const divided = (ports ?? []).filter(({ splits }) => splits.length > 0).length;
  const shown = (ports ?? []).slice(0, Math.max(listedPorts, divided));
  const more = (ports?.length ?? 0) - shown.length;
  return html`<header>
      <h2 id="services-title">Services and splits</h2>
      <p>${countText(ports?.length ?? 0, "port")}, ${divided === 0 ? "none divided" : `${divided} divided`}</p>
    </header>
    ${
      shown.length === 0
        ? empty(
            "No Service is in the mesh.",
            html`Create one in a namespace labelled <code>openservicemesh.io/monitored-by</code>.`,
          )
        : html`<div class="scroll tall" tabindex="0" role="region" aria-labelledby="services-title"><ul class="services">${shown.map(portOf)}</ul></div>`
    }
    ${more > 0 && html`<p class="foot">and ${more} more, none of them divided</p>`}`;
}

function portOf({ service, headless, port, protocol, accounts, splits }: ServicePortModel): Markup {
  return html`<li>
    <div class="line">
      <h3>${nameOf(service)}<span class="quiet">:${port}</span></h3>
      <span class="quiet">${protocol}${headless && ", headless"}</span>
      ${splits.length > 0 && badge("info", "split")}
    </div>
    <p class="to">${
      accounts.length === 0
        ? "nobody stands behind it"
        : html`behind it: ${accounts.map((account, index) => html`${index > 0 && ", "}${nameOf(account)}`)}`
    }</p>
    ${splits.map(splitOf)}
  </li>`;
}

function splitOf({ matches, backends, anybody, by }: SplitModel): Markup {
  const when =
    matches.length === 0
      ? undefined
      : html`<p class="when">for ${matches.slice(0, 3).map(matchOf)} ${matches.length > 3 && html`<span class="quiet">and ${matches.length - 3} more</span>`}</p>`;
  if (!anybody)
    return html`<div class="split">${when}${badge("bad", "nobody eligible")} <span class="quiet">all weights are 0: requests get 503, connections are closed</span></div>`;
  const starts = backends.map((_, index) => backends.slice(0, index).reduce((sum, { percent }) => sum + percent, 0));
  return html`<div class="split">
    ${when}
    <svg aria-hidden="true" preserveAspectRatio="none">
      ${backends.map(({ percent }, index) => html`<rect class=${fillOf(index)} x=${`${starts[index]}%`} width=${`${percent}%`} height="100%" />`)}
    </svg>
    <div class="shares">
      ${backends.map(
        ({ service, percent, weight }, index) =>
          html`<span title=${`weight ${weight}`}><svg aria-hidden="true"><rect class=${fillOf(index)} width="100%" height="100%" /></svg>${nameOf(service)} <strong>${percentText(percent)}</strong></span>`,
      )}
      ${by[0] !== undefined && html`<span class="quiet">by ${objectOf(by[0])}</span>`}
    </div>
  </div>`;
}

function fillOf(index: number): string {
  return `f${(index % 6) + 1}`;
}

function percentText(percent: number): string {
  return `${Number.isInteger(percent) || percent >= 10 ? Math.round(percent) : percent.toFixed(1)} %`;
}
