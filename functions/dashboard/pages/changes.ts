import type { CauseModel, ChangeModel } from "../model/changes.ts";
import { badge, countText, durationText, empty, html, type Markup, objectOf, timeOf } from "./markup.ts";

/** The last changes, each with what caused it and how long every stage took. */
export function changes(all: readonly ChangeModel[]): Markup {
  return html`<header><h2 id="changes-title">Last changes</h2><p>cause → compiled → published → acknowledged</p></header>
    ${
      all.length === 0
        ? empty(
            "Nothing has been published yet.",
            "A change appears here as soon as an object of the mesh changes: try to apply a TrafficTarget.",
          )
        : html`<div class="scroll tall" tabindex="0" role="region" aria-labelledby="changes-title"><ol class="changes">${all.map(changeOf)}</ol></div>`
    }`;
}

function changeOf(change: ChangeModel): Markup {
  const { version, causes, moreCauses } = change;
  return html`<li data-key=${String(version)}>
    <div class="head">
      <span class="v">${version}</span> ${stateOf(change)}
      <span class="total" title="from the first stage to the last">${durationText(Math.max(0, change.total))}</span>
    </div>
    ${causesOf(version, causes, moreCauses)}
    ${barOf(change)} ${stagesOf(change)}
    <p class="by">${resourcesText(change.resources)}</p>
  </li>`;
}

function stateOf({ state, acknowledged: { proxies, settled, refused } }: ChangeModel): Markup {
  switch (state) {
    case "settled":
      return badge("good", `${settled} of ${proxies} have it`);
    case "settling":
      return badge("warn", `${settled} of ${proxies} have it`);
    case "refused":
      return badge("bad", `${refused} of ${proxies} refuse`);
    case "waiting":
      return badge("quiet", proxies === 0 ? "no proxies yet" : `none of ${proxies} has it yet`);
  }
}

function causeOf({ object, what, manager, generation }: CauseModel): Markup {
  const origin = [
    ...(manager === undefined ? [] : [`by ${manager}`]),
    ...(generation === undefined ? [] : [`generation ${generation}`]),
  ].join(", ");
  return html`<p class="what">${objectOf(object)} ${what}${origin !== "" && html` <span class="by">${origin}</span>`}</p>`;
}

/** Causes that are shown one by one; more are counted by kind. */
const singleCauses = 3;

function causesOf(version: number, causes: readonly CauseModel[], unlisted: number): Markup {
  const total = causes.length + unlisted;
  if (total === 0) return html`<p class="what">Compiled again: settings of the mesh or the translator changed</p>`;
  if (total <= singleCauses) return causes.map(causeOf);
  const kinds = [...Map.groupBy(causes, ({ object }) => object.kind)].map(([kind, same]) => `${kind} × ${same.length}`);
  return html`<p class="what"><strong>${countText(total, "object")}</strong> <span class="by">${kinds.join(", ")}${unlisted > 0 && `, ${unlisted} more`}</span></p>
    <details class="more" id=${`causes-${version}`}>
      <summary>show them</summary>
      <ul>${causes.map((cause) => html`<li>${causeOf(cause)}</li>`)}${unlisted > 0 && html`<li class="by">and ${unlisted} that are not listed</li>`}</ul>
    </details>`;
}

function stagesOf({ stages, state }: ChangeModel): Markup {
  return html`<ol class="stages">
    ${stages.map(
      ({ stage, time, since }, index) => html`<li class=${`d-${stage.replace(" ", "-")}`} title=${time}>
        <span class="stage">${stage === "last ACK" && state !== "settled" ? "newest ACK" : stage}</span>
        <span class="took">${index === 0 ? timeOf(time, "clock") : since < 0 ? "clocks differ" : `+${durationText(since)}`}</span>
      </li>`,
    )}
  </ol>`;
}

/** Where the time went: one stretch a stage, as long as it took. */
function barOf({ stages, total }: ChangeModel): Markup | undefined {
  const [first] = stages;
  if (first === undefined || total <= 0) return undefined;
  const at = (time: string): number => ((Date.parse(time) - Date.parse(first.time)) / total) * 100;
  return html`<svg class="time-bar" aria-hidden="true" preserveAspectRatio="none">
    ${stages
      .filter(({ since }) => since > 0)
      .map(({ stage, time, since }) => {
        const width = (since / total) * 100;
        return html`<rect class=${`s-${stage.replace(" ", "-")}`} x=${`${(at(time) - width).toFixed(2)}%`} width=${`${width.toFixed(2)}%`} height="100%" />`;
      })}
  </svg>`;
}

function resourcesText({ added, changed, removed }: ChangeModel["resources"]): string {
  const parts = [
    ...(added > 0 ? [`${added} added`] : []),
    ...(changed > 0 ? [`${changed} changed`] : []),
    ...(removed > 0 ? [`${removed} removed`] : []),
  ];
  return parts.length === 0 ? "no resource differs" : `Resources: ${parts.join(", ")}`;
}
