import type { ContentHash } from "../../shared/core/brand.ts";
import type { EnvoyType } from "../../shared/core/xds/resource.ts";
import type { ChangeTotals, ProxyRow } from "../../shared/store/documents.ts";
import type { ProxyIdentity, ProxyReports } from "../xds/ports.ts";

/** A version that a proxy refused: it stays on what it had. */
export interface Refusal {
  readonly proxy: string;
  readonly type: EnvoyType;
  readonly name: string;
  readonly version: ContentHash;
  readonly message: string;
}

export interface ProxyRosterOptions {
  readonly now: () => Date;
  /** Something worth reporting; `urgent` for a refusal and for the first acknowledgement of a change. */
  readonly onNews: (urgent: boolean) => void;
  readonly onRefusal: (refusal: Refusal) => void;
  /** Proxies refuse less than before: one took another version, or went. */
  readonly onRelief: () => void;
}

/** Who is connected, and how far each proxy is. */
export interface ProxyRoster extends ProxyReports {
  /** This snapshot version is in force from now on: what proxies should have. */
  readonly want: (version: number) => void;
  readonly wanted: () => number;
  /** By proxy name. */
  readonly rows: () => readonly ProxyRow[];
  /** Of the newest changes, newest first. */
  readonly changes: () => readonly (ChangeTotals & { readonly version: number })[];
  readonly refusals: () => readonly Refusal[];
}

interface Kept {
  readonly identity: ProxyIdentity;
  readonly since: string;
  readonly envoyVersion: string;
  /** The version in force when it connected: changes up to it reached it as part of its first load, and say nothing of how long they took. */
  readonly joined: number;
  acknowledged: number;
  readonly refused: Map<string, Refusal>;
  /** A proxy that comes back may open its new stream before the old one is known to be dead. */
  readonly streams: number;
}

interface OpenChange {
  readonly version: number;
  first: string | undefined;
  last: string | undefined;
}

/** Characters of a refusal in a row: a report holds hundreds of rows and must fit into a message. */
const refusalText = 400;
/** Timelines that are still being added to. */
const openChanges = 20;

export function createProxyRoster(options: ProxyRosterOptions): ProxyRoster {
  const proxies = new Map<string, Kept>();
  const open: OpenChange[] = [];
  let wanted = 0;
  const time = (): string => options.now().toISOString();
  const news = (isRelief: boolean): void => {
    options.onNews(false);
    if (isRelief) options.onRelief();
  };
  return {
    want(version) {
      if (version === wanted) return;
      wanted = version;
      open.unshift({ version, first: undefined, last: undefined });
      open.length = Math.min(open.length, openChanges);
      options.onNews(false);
    },
    wanted: () => wanted,
    connected(identity, { envoyVersion }) {
      const before = proxies.get(identity.proxy);
      proxies.set(identity.proxy, {
        identity,
        since: time(),
        envoyVersion,
        joined: wanted,
        acknowledged: 0,
        refused: new Map(),
        streams: (before?.streams ?? 0) + 1,
      });
      news(before !== undefined && before.refused.size > 0);
    },
    disconnected(identity) {
      const proxy = proxies.get(identity.proxy);
      if (proxy === undefined) return;
      if (proxy.streams > 1) proxies.set(identity.proxy, { ...proxy, streams: proxy.streams - 1 });
      else proxies.delete(identity.proxy);
      news(proxy.streams === 1 && proxy.refused.size > 0);
    },
    settled(identity, { snapshotVersion }) {
      const proxy = proxies.get(identity.proxy);
      if (proxy === undefined) return;
      // All of its view is acknowledged, so what it refused is not asked of it any more.
      if (proxy.refused.size > 0) {
        proxy.refused.clear();
        news(true);
      }
      if (proxy.acknowledged >= snapshotVersion) return;
      for (const change of open) {
        if (change.version > snapshotVersion || change.version <= Math.max(proxy.acknowledged, proxy.joined)) continue;
        options.onNews(change.first === undefined);
        change.last = time();
        change.first ??= change.last;
      }
      proxy.acknowledged = snapshotVersion;
      options.onNews(false);
    },
    acknowledged(identity, { type, names }) {
      const refused = proxies.get(identity.proxy)?.refused;
      if (refused === undefined || refused.size === 0) return;
      let relief = false;
      for (const { name } of names) if (refused.delete(`${type}|${name}`)) relief = true;
      if (relief) news(true);
    },
    refused(identity, { type, names, message }) {
      const proxy = proxies.get(identity.proxy);
      for (const { name, version } of names) {
        const refusal: Refusal = { proxy: identity.proxy, type, name, version: version as ContentHash, message };
        proxy?.refused.set(`${type}|${name}`, refusal);
        options.onRefusal(refusal);
      }
      options.onNews(true);
    },
    rows: () => [...proxies.values()].map((proxy) => rowOf(proxy, wanted)).sort((a, b) => (a.proxy < b.proxy ? -1 : 1)),
    changes: () => open.map((change) => totalsOf(change, proxies)),
    refusals: () => [...proxies.values()].flatMap(({ refused }) => [...refused.values()]),
  };
}

function rowOf({ identity, since, acknowledged, refused }: Kept, wanted: number): ProxyRow {
  const [refusal] = refused.values();
  return {
    proxy: identity.proxy,
    account: `${identity.namespace}/${identity.serviceAccount}`,
    wanted,
    acknowledged,
    connectedSince: since,
    ...(refusal && { refused: `${refusal.type} ${refusal.name}: ${refusal.message}`.slice(0, refusalText) }),
  };
}

function totalsOf(
  { version, first, last }: OpenChange,
  proxies: ReadonlyMap<string, Kept>,
): ChangeTotals & { readonly version: number } {
  let settled = 0;
  let refusing = 0;
  for (const { acknowledged, refused } of proxies.values()) {
    if (acknowledged >= version) settled++;
    else if (refused.size > 0) refusing++;
  }
  return {
    version,
    proxies: proxies.size,
    settled,
    refused: refusing,
    ...(first !== undefined && { first }),
    ...(last !== undefined && { last }),
  };
}
