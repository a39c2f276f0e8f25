import type { ProblemsModel } from "../model/problems.ts";
import { badge, countText, empty, html, type Markup, objectOf } from "./markup.ts";

export function problems({ total, problems: listed }: ProblemsModel): Markup {
  return html`<header>
      <h2 id="problems-title">Problems</h2>
      <p>mistakes in objects; the rest of the mesh goes on</p>
      <span class="end">${total === 0 ? badge("good", "none") : badge("bad", countText(total, "problem"))}</span>
    </header>
    ${
      listed.length === 0
        ? empty(
            "No problems.",
            "Every object of the mesh is understood, and no proxy refuses what it is given. A mistake shows here and as an Event on its object.",
          )
        : html`<div class="scroll tall" tabindex="0" role="region" aria-labelledby="problems-title"><table class="rows stack problem">
            <thead><tr><th scope="col">Object</th><th scope="col">Problem</th><th scope="col">Message, and what to do</th></tr></thead>
            <tbody>
              ${listed.map(
                ({ code, object, message, whatToDo }) => html`<tr>
                  <th scope="row" data-label="Object"><span>${objectOf(object)}</span></th>
                  <td data-label="Problem"><span><code class="code">${code}</code></span></td>
                  <td data-label="Message"><span>${message}<p class="todo">${whatToDo}</p></span></td>
                </tr>`,
              )}
            </tbody>
          </table></div>`
    }
    ${total > listed.length && html`<p class="foot">The first ${listed.length} of ${total}.</p>`}`;
}
