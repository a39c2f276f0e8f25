import type { ChangeModel } from "../model/changes.ts";
import type { ClusterModel, Notice } from "../model/cluster.ts";
import type { ProxiesModel } from "../model/proxies.ts";
import { badge, countText, durationText, html, type Markup, objectOf, timeOf } from "./markup.ts";

/** The header's sentence: read out when it changes. */
export function statusLine({ version, proxies, problems }: ClusterModel): Markup {
  return html`<span class="version">version ${version}</span> ${settlement(proxies)}
    ${problems.total > 0 && html` <a href="#problems">${badge("bad", countText(problems.total, "problem"))}</a>`}`;
}

export function settlement({
  connected,
  settled,
  refusing,
}: Pick<ProxiesModel, "connected" | "settled" | "refusing">): Markup {
  if (connected === 0) return badge("quiet", "no proxies");
  if (refusing > 0) return badge("bad", `${refusing} of ${connected} proxies refusing`);
  return badge(settled >= connected ? "good" : "warn", `${settled} of ${connected} proxies settled`);
}

export function tiles({ version, published, proxies, changes, policy, problems }: ClusterModel): Markup {
  const [newest] = changes;
  return html`<dl class="tiles">
    ${tile({ name: "Version", big: String(version), note: published === undefined ? "nothing published yet" : html`published ${timeOf(published, "age")}` })}
    ${tile({
      name: "Proxies settled",
      big: html`${proxies.settled}<small> of ${proxies.connected}</small>`,
      note: proxiesNote(proxies),
      tone: proxies.refusing > 0 ? "bad" : proxies.settled < proxies.connected ? "warn" : "plain",
    })}
    ${tile({ name: "Newest change", big: newest === undefined ? "–" : durationText(newest.total), note: changeNote(newest) })}
    ${tile({
      name: "Policy",
      big: policy === undefined ? "–" : policy.access.mode === "permissive" ? "Permissive" : "Enforced",
      note: policy === undefined ? "nothing compiled yet" : policyNote(policy.access),
      tone: policy?.access.mode === "permissive" ? "warn" : "plain",
    })}
    ${tile({
      name: "Problems",
      big: String(problems.total),
      note:
        problems.total === 0 ? "every object is understood" : html`<a href="#problems">what they are, what to do</a>`,
      tone: problems.total === 0 ? "plain" : "bad",
    })}
  </dl>`;
}

function tile({
  name,
  big,
  note,
  tone = "plain",
}: {
  readonly name: string;
  readonly big: Markup;
  readonly note: Markup;
  readonly tone?: "plain" | "warn" | "bad";
}): Markup {
  return html`<div class=${`tile ${tone}`}><dt>${name}</dt><dd class="big">${big}</dd><dd class="note">${note}</dd></div>`;
}

function proxiesNote({ connected, settled, refusing, wanted }: ProxiesModel): string {
  if (connected === 0) return "none has connected";
  if (refusing > 0) return `${refusing} refusing, on the last good version`;
  return settled === connected ? `all have version ${wanted}` : `${connected - settled} behind version ${wanted}`;
}

function changeNote(newest: ChangeModel | undefined): string {
  if (newest === undefined) return "none yet";
  const [first] = newest.stages;
  const last = newest.stages.at(-1);
  const end = last?.stage === "last ACK" && newest.state !== "settled" ? "newest ACK" : (last?.stage ?? "");
  return `from ${first?.stage ?? ""} to ${end}`;
}

function policyNote({ grants, egress }: { readonly grants: number; readonly egress: boolean }): string {
  return `${countText(grants, "grant")}, egress ${egress ? "on" : "off"}`;
}

export function notices(all: readonly Notice[]): Markup {
  return all.map(noticeOf);
}

function noticeOf(notice: Notice): Markup {
  switch (notice.kind) {
    case "pinned":
      return box(
        "warn",
        "Pinned",
        html`By ${notice.pin}: ${notice.why}. New versions are not made until it is released.`,
      );
    case "list-wanted":
      return box(
        "warn",
        "List wanted",
        html`The cloud has asked the gateway to list the cluster again: ${notice.why}. What follows may be behind the cluster until it has.`,
      );
    case "compiling":
      return box(
        "info",
        "Compiling",
        "A newer state of the cluster has arrived; what follows is what is in force until it is compiled.",
      );
    case "refused-objects":
      return box(
        "warn",
        "Objects not taken",
        html`${countText(notice.count, "object")} could not be sent: ${notice.newest.map((object, index) => html`${index > 0 && ", "}${objectOf(object)}`)}. Rules that need them stay closed.`,
      );
    case "silent-gateway":
      return box(
        "warn",
        "Silent gateway",
        html`The gateway was last heard ${timeOf(notice.time, "age")}. Check that it runs and reaches the hubs; proxies keep what they have meanwhile.`,
      );
  }
}

function box(tone: "warn" | "info", title: string, text: Markup): Markup {
  return html`<div class=${`notice ${tone}`}>${badge(tone, title)}<p>${text}</p></div>`;
}
