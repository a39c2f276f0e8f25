import {
  type AccountKey,
  accountKey,
  type Backend,
  type ClassKey,
  type Grant,
  type HttpMatch,
  type InboundPort,
  type Mesh,
  type MeshSettings,
  type Protocol,
  type RouteRule,
  type Service,
  type ServicePort,
  serviceKey,
  type WorkloadClass,
} from "../../../shared/core/mesh/mesh.ts";
import type { ObjectKey } from "../../../shared/core/object.ts";

/** Meshes written by hand, in the words of the model; all in the namespace `shop`. */

export const account = (name: string): AccountKey => accountKey("shop", name);

export function settings(other: Partial<MeshSettings> = {}): MeshSettings {
  return {
    trustDomain: "cluster.local",
    clusterDomain: "cluster.local",
    mode: "enforced",
    egress: false,
    tls: { minimum: "TLSv1_2", maximum: "TLSv1_3", cipherSuites: [], ecdhCurves: [] },
    serviceCidrs: ["10.96.0.0/12"],
    podCidrs: ["10.244.0.0/16"],
    causes: { mode: [], egress: [], tls: [], cidrs: [] },
    ...other,
  };
}

function source(kind: string, name: string): ObjectKey {
  return { group: kind === "Service" ? "" : "test", kind, namespace: "shop", name };
}

interface PortShape {
  readonly protocol?: Protocol;
  readonly accounts?: readonly string[];
  readonly rules?: readonly RouteRule[];
}

/** Ports by number; accounts behind them are the Service's name, and everything goes to the port itself, unless told otherwise. */
export function service(
  name: string,
  address: string | readonly string[],
  ports: Readonly<Record<number, PortShape>>,
): Service {
  const addresses = typeof address === "string" ? [address] : address;
  return {
    key: serviceKey("shop", name),
    namespace: "shop",
    name,
    addresses,
    headless: addresses.length === 0,
    source: source("Service", name),
    ports: Object.entries(ports).map(
      ([port, shape]): ServicePort => ({
        port: Number(port),
        protocol: shape.protocol ?? "http",
        accounts: (shape.accounts ?? [name]).map(account),
        rules: shape.rules ?? [rule([backend(name, Number(port))])],
      }),
    ),
  };
}

export function backend(name: string, port: number, weight = 1): Backend {
  return { service: serviceKey("shop", name), port, weight };
}

export function rule(backends: readonly Backend[], matches: readonly HttpMatch[] = []): RouteRule {
  return { matches, backends, causes: matches.length === 0 ? [] : [source("TrafficSplit", "split")] };
}

function httpMatch(path: string, other: Partial<HttpMatch> = {}): HttpMatch {
  return { path, methods: [], headers: [], ...other };
}

export function grant(
  name: string,
  from: readonly string[],
  given: Pick<Grant, "http" | "tcp"> & { readonly to: string },
): Grant {
  const { to, ...rest } = given;
  return { source: source("TrafficTarget", name), to: account(to), from: from.map(account), causes: [], ...rest };
}

export function workload(
  name: string,
  inbound: Readonly<Record<number, Protocol>> = {},
  ipFamilies: WorkloadClass["ipFamilies"] = ["IPv4"],
): WorkloadClass {
  return {
    key: `class-${name}` as ClassKey,
    namespace: "shop",
    account: account(name),
    inbound: Object.entries(inbound).map(
      ([port, protocol]): InboundPort => ({
        targetPort: Number(port),
        protocol,
        services: [{ service: serviceKey("shop", name), port: Number(port), source: source("Service", name) }],
      }),
    ),
    ipFamilies,
    envoyVersion: "1.40",
    source: source("WorkloadClass", name),
  };
}

export function mesh(parts: Partial<Mesh> = {}): Mesh {
  return { settings: settings(), services: [], outside: [], workloads: [], grants: [], ...parts };
}

const anyRequest = { http: { ports: "any", requests: "any" } } as const;
const anyConnection = { tcp: { ports: "any" } } as const;

const shopServices = [
  service("api", "10.96.0.2", { 50051: { protocol: "grpc" } }),
  service("cart", ["10.96.0.1", "fd00::1"], { 8080: {}, 9000: { protocol: "tcp" } }),
  service("database", [], { 3306: { protocol: "tcp-server-first" }, 8080: {} }),
  service("mail", "10.96.0.3", { 25: { protocol: "tcp-server-first", accounts: ["mail", "mail-old"] } }),
];

const shopWorkloads = [
  workload("api", { 50051: "grpc" }),
  workload("cart", { 8080: "http", 9000: "tcp" }, ["IPv4", "IPv6"]),
  workload("database", { 3306: "tcp-server-first", 8080: "http" }),
  workload("mail", { 25: "tcp-server-first" }),
  workload("web", {}, ["IPv4", "IPv6"]),
  workload("web6", { 80: "http" }, ["IPv6"]),
];

const versions = [
  service("books-v1", "10.96.1.1", { 80: {}, 9000: { protocol: "tcp" } }),
  service("books-v2", "10.96.1.2", { 80: {}, 9000: { protocol: "tcp" } }),
  service("books-v3", "10.96.1.3", { 80: {}, 9000: { protocol: "tcp" } }),
];

const splitOver = (port: number, weights: readonly number[], matches: readonly HttpMatch[] = []): RouteRule =>
  rule(
    weights.map((weight, index) => backend(`books-v${index + 1}`, port, weight)),
    matches,
  );

/** One for each family of shapes; every workload's view of each is given to a real Envoy. */
export const exampleMeshes: Readonly<Record<string, Mesh>> = {
  empty: mesh({ workloads: [workload("lonely")] }),
  "empty, egress allowed, no ranges known": mesh({
    settings: settings({ egress: true, serviceCidrs: [], podCidrs: [] }),
    workloads: [workload("lonely", {}, ["IPv4", "IPv6"])],
  }),
  "permissive: HTTP, gRPC, TCP, server-first, headless, two families": mesh({
    settings: settings({
      mode: "permissive",
      egress: true,
      serviceCidrs: ["10.96.0.0/12", "fd00::/112"],
      podCidrs: ["10.244.0.0/16", "10.96.0.0/12", "fd01::/64"],
    }),
    outside: [
      {
        key: serviceKey("default", "kubernetes"),
        addresses: ["10.96.0.1"],
        ports: [443],
        source: { group: "", kind: "Service", namespace: "default", name: "kubernetes" },
      },
    ],
    services: shopServices,
    workloads: shopWorkloads,
  }),
  "enforced: grants of all kinds": mesh({
    services: shopServices,
    workloads: shopWorkloads,
    grants: [
      grant("api", ["web"], {
        to: "api",
        http: { ports: [50051], requests: [httpMatch("/shop.Api/.*", { methods: ["POST"] })] },
      }),
      grant("cart", ["web", "web6"], {
        to: "cart",
        http: {
          ports: "any",
          requests: [
            httpMatch("/cart/[0-9]+", { methods: ["DELETE", "GET"] }),
            httpMatch(".*", {
              headers: [
                { name: ":authority", value: "cart\\..*" },
                { name: "x-tenant", value: "a|b" },
              ],
            }),
          ],
        },
        tcp: { ports: [9000] },
      }),
      grant("cart-again", ["api"], { to: "cart", ...anyRequest }),
      grant("database", ["cart"], { to: "database", ...anyConnection, ...anyRequest }),
      grant("mail", ["cart", "web"], { to: "mail", ...anyConnection }),
      grant("nothing", ["mail"], { to: "api" }),
    ],
  }),
  "enforced: expressions as large as policy may hold": mesh({
    services: [
      service("cart", "10.96.0.1", {
        80: { rules: [rule([backend("cart", 80)], [httpMatch("/[a-z0-9]{1,64}")]), rule([backend("cart", 80)])] },
      }),
    ],
    workloads: [workload("cart", { 80: "http" })],
    grants: [
      grant("large", ["cart"], {
        to: "cart",
        http: { ports: "any", requests: [httpMatch("/([^/]{1,900}/[a-z]{1,900}|){1}".repeat(5))] },
      }),
    ],
  }),
  "enforced: splits": mesh({
    services: [
      service("books", "10.96.1.0", {
        80: {
          rules: [
            splitOver(80, [0, 100, 0], [httpMatch("/beta/.*", { headers: [{ name: "x-user", value: "t.*" }] })]),
            splitOver(80, [70, 20, 10]),
          ],
        },
        81: { rules: [splitOver(80, [0, 0, 0])] },
        82: { rules: [splitOver(80, [4_000_000_000, 4_000_000_000, 1])] },
        9000: { protocol: "tcp", rules: [splitOver(9000, [70, 20, 10])] },
        9001: { protocol: "tcp", rules: [splitOver(9000, [0, 0, 0])] },
        9002: { protocol: "tcp", rules: [splitOver(9000, [1, 0, 4_000_000_000])] },
      }),
      ...versions,
    ],
    workloads: ["buyer", "thief"].map((name) => workload(name)),
    grants: [
      ...[1, 2, 3].map((version) => grant(`buyer-${version}`, ["buyer"], { to: `books-v${version}`, ...anyRequest })),
      // The share of version 2 and 3 stays theirs: 503, or closed.
      grant("thief", ["thief"], { to: "books-v1", ...anyRequest, ...anyConnection }),
    ],
  }),
  "permissive: splits to Services without pods": mesh({
    settings: settings({ mode: "permissive" }),
    services: [
      service("books", "10.96.1.0", {
        80: { accounts: [], rules: [splitOver(80, [1, 1])] },
        9000: { protocol: "tcp", accounts: [], rules: [splitOver(9000, [1, 1])] },
      }),
      service("books-v1", "10.96.1.1", { 80: {}, 9000: { protocol: "tcp" } }),
      service("books-v2", "10.96.1.2", { 80: { accounts: [] }, 9000: { protocol: "tcp", accounts: [] } }),
    ],
    workloads: [workload("buyer")],
  }),
};
