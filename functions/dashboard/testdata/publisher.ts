import { generateKeyPairSync } from "node:crypto";
import type { ClusterFact, EventCause } from "../../../shared/core/events/cluster-event.ts";
import { type Envelope, sealEnvelope } from "../../../shared/core/events/envelope.ts";
import { type MeshObject, objectKeyText } from "../../../shared/core/object.ts";
import { stateEntry } from "../../../shared/core/state/cluster-state.ts";
import { emptyTrie } from "../../../shared/core/trie/trie.ts";
import type { ProxyReport, ProxyRow } from "../../../shared/store/documents.ts";

/** A gateway's voice in tests: the messages it would put into the hubs, signed. */
export interface TestPublisher {
  readonly key: { readonly kid: string; readonly publicKey: string };
  /** A whole list: opens an epoch and replaces the state. */
  list(objects: readonly MeshObject[]): readonly Envelope[];
  applied(object: MeshObject, cause?: EventCause): Envelope;
  deleted(object: MeshObject): Envelope;
  report(report: ProxyReport): Envelope;
}

export function createTestPublisher(mesh: string, cluster: string, now: () => Date): TestPublisher {
  const pair = generateKeyPairSync("ed25519");
  const kid = "test-key";
  let state = emptyTrie;
  let epoch = 0;
  let seq = 0;
  const seal = (content: object): Envelope =>
    sealEnvelope(JSON.stringify({ mesh, cluster, ...content }), { kid, privateKey: pair.privateKey });
  const event = (fact: ClusterFact): Envelope => seal({ v: 1, epoch, seq: ++seq, time: now().toISOString(), ...fact });
  const applied = (object: MeshObject, cause: EventCause = {}): Envelope => {
    state = state.with([stateEntry(object)]);
    return event({ type: "ObjectApplied", object: object.key, uid: object.uid, body: object.body, cause });
  };
  return {
    key: { kid, publicKey: pair.publicKey.export({ type: "spki", format: "pem" }).toString() },
    list(objects) {
      epoch++;
      seq = 0;
      state = emptyTrie;
      const started = event({ type: "ListStarted", reason: "start" });
      const all = objects.map((object) => applied(object));
      return [started, ...all, event({ type: "ListEnded", state: state.root })];
    },
    applied,
    deleted(object) {
      state = state.with([[objectKeyText(object.key), undefined]]);
      return event({ type: "ObjectDeleted", object: object.key, uid: object.uid, cause: {} });
    },
    report: (report) => seal({ report }),
  };
}

/** The seven proxies of the bookstore; `behind` and `refused` by name of the proxy. */
export function bookstoreReport(options: {
  readonly version: number;
  readonly time: string;
  readonly behind?: Readonly<Record<string, number>>;
  readonly refused?: Readonly<Record<string, string>>;
}): ProxyReport {
  const { version, time, behind = {}, refused = {} } = options;
  const proxies = bookstoreProxies.map(([proxy, account]): ProxyRow => {
    const why = refused[proxy];
    return {
      proxy,
      account,
      wanted: version,
      acknowledged: behind[proxy] ?? version,
      connectedSince: new Date(Date.parse(time) - 754_000).toISOString(),
      ...(why !== undefined && { refused: why }),
    };
  });
  const settled = proxies.filter(({ acknowledged }) => acknowledged >= version).length;
  const refusing = Object.keys(refused).length;
  const at = (milliseconds: number): string => new Date(Date.parse(time) + milliseconds).toISOString();
  return {
    time: at(90),
    interval: 30_000,
    replicas: [{ replica: "weft-gateway-0", serves: version, connected: proxies.length }],
    wanted: version,
    totals: { connected: proxies.length, settled, refusing },
    changes: [{ version, proxies: proxies.length, settled, refused: refusing, first: at(31), last: at(78) }],
    proxies,
    problems: [],
  };
}

const bookstoreProxies = [
  ["bookbuyer-7d9c5f8b6d-x2l9k", "bookbuyer/bookbuyer"],
  ["bookthief-6b8f7d5c9-4jq7z", "bookthief/bookthief"],
  ["bookstore-v1-5c6d8f9b7-8mn2p", "bookstore/bookstore-v1"],
  ["bookstore-v1-5c6d8f9b7-tk5wv", "bookstore/bookstore-v1"],
  ["bookstore-v2-79f8c6b5d4-qz6rt", "bookstore/bookstore-v2"],
  ["bookwarehouse-84b9d7f6c-h3sxd", "bookwarehouse/bookwarehouse"],
  ["mysql-0", "bookwarehouse/mysql"],
] as const;
