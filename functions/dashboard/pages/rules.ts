import type { AccessModel, Allowance } from "../model/access.ts";
import { countText, empty, html, type Markup, matchOf, nameOf, objectOf } from "./markup.ts";
import { allowanceId } from "./topology.ts";

const listedMatches = 6;

/** What each account may do at each port of another, and which policies say so. */
export function rules(access: AccessModel | undefined): Markup {
  const { allowances, mode } = access ?? { allowances: [], mode: "enforced" };
  const later =
    allowances.length > 0 && mode === "permissive" ? ", in force once the mesh is no longer permissive" : "";
  return html`<header>
      <h2 id="rules-title">What exactly</h2>
      <p>${countText(allowances.length, "rule")} by policy${later}</p>
    </header>
    ${allowances.length === 0 ? noRules(mode) : tableOf(allowances)}`;
}

function noRules(mode: AccessModel["mode"]): Markup {
  return mode === "permissive"
    ? empty(
        "No policy is written.",
        "While the mesh is permissive nothing is refused. Write TrafficTargets first, then set enablePermissiveTrafficPolicyMode to false in the MeshConfig.",
      )
    : empty(
        "No policy gives anything: nobody may call anybody.",
        html`Apply a <code>TrafficTarget</code> that names a destination, its sources and their routes.`,
      );
}

function tableOf(allowances: readonly Allowance[]): Markup {
  return html`<div class="scroll tall" tabindex="0" role="region" aria-labelledby="rules-title">
    <table class="rows stack">
      <thead><tr><th scope="col">From</th><th scope="col">To</th><th scope="col">Through</th><th scope="col">May</th><th scope="col">By</th></tr></thead>
      <tbody>${allowances.map((allowance, index) => allowanceOf(allowance, allowances[index - 1]))}</tbody>
    </table>
  </div>`;
}

function allowanceOf(allowance: Allowance, before: Allowance | undefined): Markup {
  const { from, to, at, by } = allowance;
  const first = before?.from !== from || before.to !== to;
  return html`<tr id=${first ? allowanceId(from, to) : undefined}>
    <th scope="row" data-label="From"><span>${nameOf(from)}</span></th>
    <td data-label="To"><span>${nameOf(to)}</span></td>
    <td data-label="Through"><span>${
      at === undefined
        ? html`<span class="quiet">nothing listens</span>`
        : at.through.map(
            ({ service, port }, index) =>
              html`${index > 0 && ", "}${nameOf(service)}<span class="quiet">:${port}</span>`,
          )
    }</span></td>
    <td data-label="May"><span>${requestsOf(allowance)}</span></td>
    <td data-label="By"><span>${by.map((key, index) => html`${index > 0 && ", "}${objectOf(key)}`)}</span></td>
  </tr>`;
}

function requestsOf({ at, requests }: Allowance): Markup {
  if (at === undefined)
    return html`<span class="quiet">nothing until a workload serves a port that the policy opens</span>`;
  if (requests === undefined) return "open connections";
  if (requests === "any") return "send every request";
  const shown = requests.slice(0, listedMatches);
  return html`${shown.map(matchOf)} ${requests.length > shown.length && html`<span class="match quiet">and ${requests.length - shown.length} more</span>`}`;
}
