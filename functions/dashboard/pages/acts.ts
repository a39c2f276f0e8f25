import type { ActModel } from "../model/acts.ts";
import { badge, durationText, empty, html, type Markup, timeOf } from "./markup.ts";

/** Pins of people and guards, and what gateways served by themselves while the cloud was away. */
export function acts(all: readonly ActModel[]): Markup {
  return html`<header><h2 id="acts-title">Pins and local policy</h2><p>what people and guards held back, and what a gateway compiled itself</p></header>
    ${
      all.length === 0
        ? empty(
            "Nothing yet.",
            "A rollback, a freeze, a hold and its release stand here, and policy that was served without the cloud.",
          )
        : html`<div class="scroll tall" tabindex="0" role="region" aria-labelledby="acts-title"><ol class="changes">${all.map(actOf)}</ol></div>`
    }`;
}

function actOf(act: ActModel): Markup {
  if (act.kind === "local")
    return html`<li>
      <div class="head">${badge("warn", "served locally")} ${timeOf(act.from, "age")} <span class="total">${durationText(Math.max(0, Date.parse(act.to) - Date.parse(act.from)))}</span></div>
      <p class="what">A gateway served what it had compiled itself, snapshot <code>${act.root}</code></p>
      <p class="by">of the state <code>${act.state}</code></p>
    </li>`;
  const { act: what, who, when, why, version, to } = act;
  return html`<li>
    <div class="head"><span class="v">${version}</span> ${badge(what === "release" ? "good" : "warn", what)} ${timeOf(when, "age")}</div>
    <p class="what">${why}</p>
    <p class="by">by ${who}${to !== undefined && `, version ${to} is served again`}</p>
  </li>`;
}
