import assert from "node:assert/strict";
import { test } from "node:test";
import * as dns from "dns-packet";
import { answerQuery } from "./cluster-dns.ts";
import { buildDnsZone, resolveName } from "./dns-zone.ts";
import type { EndpointSlice, Service } from "./kubernetes-objects.ts";

const named = (name: string) => ({ name, namespace: "shop", uid: name });
const services: Service[] = [
  { metadata: named("web"), spec: { clusterIP: "10.128.0.9" } },
  { metadata: named("db"), spec: { clusterIP: "None" } },
  { metadata: named("alias"), spec: { type: "ExternalName", externalName: "web.shop.svc.cluster.local" } },
];
const slices: EndpointSlice[] = [
  {
    metadata: { ...named("db-1"), labels: { "kubernetes.io/service-name": "db" } },
    addressType: "IPv4",
    endpoints: [
      { addresses: ["10.160.0.3"], hostname: "db-0", conditions: { ready: true } },
      { addresses: ["10.160.0.4"], hostname: "db-1", conditions: { ready: false } },
    ],
    ports: [],
  },
];
const zone = buildDnsZone(services, slices);

function ask(
  name: string,
  type = "A",
  limit?: number,
): { code: number; flags: number; answers: readonly dns.Answer[] } {
  const query = dns.encode({
    type: "query",
    id: 7,
    flags: dns.RECURSION_DESIRED,
    questions: [{ type, name }],
    answers: [],
  });
  const bytes = answerQuery(query, (wanted) => resolveName(zone, wanted), limit);
  assert.ok(bytes !== undefined);
  const { id, flags, answers } = dns.decode(bytes);
  assert.equal(id, 7);
  return { code: flags & 0xf, flags, answers };
}
const addresses = (name: string): string[] => ask(name).answers.map(({ data }) => data);

test("a Service's name is its cluster IP, in any case of letters", () => {
  assert.deepEqual(addresses("web.shop.svc.cluster.local"), ["10.128.0.9"]);
  assert.deepEqual(addresses("Web.Shop.svc.cluster.local"), ["10.128.0.9"]);
});

test("a headless Service's name is its ready pods, a pod's own name that pod", () => {
  assert.deepEqual(addresses("db.shop.svc.cluster.local"), ["10.160.0.3"]);
  assert.deepEqual(addresses("db-0.db.shop.svc.cluster.local"), ["10.160.0.3"]);
  assert.equal(ask("db-1.db.shop.svc.cluster.local").code, 3);
});

test("an external name is an alias, with the address when it leads into the cluster", () => {
  assert.deepEqual(addresses("alias.shop.svc.cluster.local"), ["web.shop.svc.cluster.local", "10.128.0.9"]);
});

test("other types of a name that exists are answered empty, names that do not exist as such", () => {
  assert.deepEqual(
    [ask("web.shop.svc.cluster.local", "AAAA").code, ask("web.shop.svc.cluster.local", "AAAA").answers.length],
    [0, 0],
  );
  assert.equal(ask("example.com").code, 3);
});

test("an answer over the limit is cut and says so", () => {
  const cut = ask("web.shop.svc.cluster.local", "A", 20);
  assert.deepEqual([cut.flags & dns.TRUNCATED_RESPONSE, cut.answers.length], [dns.TRUNCATED_RESPONSE, 0]);
});

test("bytes that are no query are not answered", () => {
  assert.equal(
    answerQuery(Buffer.from("no"), () => ({ kind: "unknown" })),
    undefined,
  );
});
