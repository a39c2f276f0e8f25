import { hash } from "node:crypto";
import { normalise } from "../../../shared/core/events/normalise.ts";
import type { MeshObject } from "../../../shared/core/object.ts";

/** OSM's bookstore as the gateway would send it: buyer, thief, two stores behind a split, a warehouse and a headless database. */

type Shape = Readonly<Record<string, unknown>>;

/** Normalised from what the API server would send. */
export function objectOf(apiVersion: string, kind: string, key: string, rest: Shape = {}): MeshObject {
  const [namespace = "", name = ""] = key.includes("/") ? key.split("/") : ["", key];
  const { labels, ...members } = rest;
  const metadata = {
    name,
    ...(namespace !== "" && { namespace }),
    uid: `uid-${kind}-${key}`,
    creationTimestamp: "2026-01-01T00:00:00Z",
    labels: labels ?? {},
  };
  const object = normalise({ apiVersion, kind, metadata, ...members });
  if ("refused" in object) throw new Error(`${kind} ${key}: ${object.refused}`);
  return object;
}

export function namespaceOf(name: string): MeshObject {
  return objectOf("v1", "Namespace", name, { labels: { "openservicemesh.io/monitored-by": "weft" } });
}

/** `backs`: Services and the port that leads to the workload's port of the same number. */
export function workloadOf(account: string, backs: Readonly<Record<string, number>> = {}): MeshObject {
  const [namespace = "", serviceAccount = ""] = account.split("/");
  return objectOf("weft.dev/v1alpha1", "WorkloadClass", `${namespace}/class-${serviceAccount}`, {
    spec: {
      serviceAccount,
      backs: Object.entries(backs).map(([service, port]) => ({ service, port, targetPort: port })),
      ipFamilies: ["IPv4"],
      envoyVersion: "1.40",
    },
  });
}

export function serviceOf(key: string, port: number, more: Shape = {}): MeshObject {
  const { appProtocol, ...spec } = more;
  const [high = 0, low = 0] = hash("sha256", key, "buffer"); // an address that follows from the name
  const clusterIP = `10.96.${high}.${low}`;
  const ports = [{ port, ...(appProtocol !== undefined && { appProtocol }) }];
  return objectOf("v1", "Service", key, { spec: { clusterIP, selector: { app: key }, ports, ...spec } });
}

interface Rule {
  readonly kind: string;
  readonly name: string;
  readonly matches?: readonly string[];
}

export function targetOf(key: string, to: string, from: readonly string[], rules: readonly Rule[]): MeshObject {
  const accountOf = (account: string): Shape => {
    const [namespace, name] = account.split("/");
    return { kind: "ServiceAccount", namespace, name };
  };
  return objectOf("access.smi-spec.io/v1alpha3", "TrafficTarget", key, {
    spec: { destination: accountOf(to), sources: from.map(accountOf), rules },
  });
}

export function splitOf(weights: Readonly<Record<string, number>>): MeshObject {
  return objectOf("split.smi-spec.io/v1alpha4", "TrafficSplit", "bookstore/bookstore-split", {
    spec: {
      service: "bookstore",
      backends: Object.entries(weights).map(([service, weight]) => ({ service, weight })),
    },
  });
}

export function meshConfigOf(mode: "permissive" | "enforced"): MeshObject {
  return objectOf("config.openservicemesh.io/v1alpha2", "MeshConfig", "weft-system/osm-mesh-config", {
    spec: { traffic: { enablePermissiveTrafficPolicyMode: mode === "permissive", enableEgress: false } },
  });
}

const storeRules: readonly Rule[] = [
  { kind: "HTTPRouteGroup", name: "bookstore-service-routes", matches: ["books-bought", "buy-a-book"] },
];

/** Who may call bookstore-v1: the buyer, and others on wish. */
export function storeTarget(version: "v1" | "v2", from: readonly string[]): MeshObject {
  return targetOf(
    `bookstore/bookbuyer-access-bookstore-${version}`,
    `bookstore/bookstore-${version}`,
    from,
    storeRules,
  );
}

export function bookstore(): readonly MeshObject[] {
  return [
    ...["bookbuyer", "bookthief", "bookstore", "bookwarehouse", "weft-system"].map(namespaceOf),
    meshConfigOf("enforced"),
    workloadOf("bookbuyer/bookbuyer"),
    workloadOf("bookthief/bookthief"),
    workloadOf("bookstore/bookstore-v1", { bookstore: 14_001, "bookstore-v1": 14_001 }),
    workloadOf("bookstore/bookstore-v2", { bookstore: 14_001, "bookstore-v2": 14_001 }),
    workloadOf("bookwarehouse/bookwarehouse", { bookwarehouse: 14_001 }),
    workloadOf("bookwarehouse/mysql", { mysql: 3306 }),
    ...["bookstore", "bookstore-v1", "bookstore-v2"].map((name) => serviceOf(`bookstore/${name}`, 14_001)),
    serviceOf("bookwarehouse/bookwarehouse", 14_001),
    serviceOf("bookwarehouse/mysql", 3306, { clusterIP: "None", appProtocol: "tcp-server-first" }),
    objectOf("specs.smi-spec.io/v1alpha4", "HTTPRouteGroup", "bookstore/bookstore-service-routes", {
      spec: {
        matches: [
          {
            name: "books-bought",
            pathRegex: "/books-bought",
            methods: ["GET"],
            headers: [{ "user-agent": ".*-http-client/*.*" }, { "client-app": "bookbuyer" }],
          },
          { name: "buy-a-book", pathRegex: ".*a-book.*new", methods: ["GET"] },
        ],
      },
    }),
    objectOf("specs.smi-spec.io/v1alpha4", "HTTPRouteGroup", "bookwarehouse/bookwarehouse-service-routes", {
      spec: { matches: [{ name: "restock-books", pathRegex: "/restock-books", methods: ["POST"] }] },
    }),
    objectOf("specs.smi-spec.io/v1alpha4", "TCPRoute", "bookwarehouse/mysql", { spec: { matches: { ports: [3306] } } }),
    storeTarget("v1", ["bookbuyer/bookbuyer"]),
    storeTarget("v2", ["bookbuyer/bookbuyer"]),
    targetOf(
      "bookwarehouse/bookstore-access-bookwarehouse",
      "bookwarehouse/bookwarehouse",
      ["bookstore/bookstore-v1", "bookstore/bookstore-v2"],
      [{ kind: "HTTPRouteGroup", name: "bookwarehouse-service-routes", matches: ["restock-books"] }],
    ),
    targetOf(
      "bookwarehouse/mysql",
      "bookwarehouse/mysql",
      ["bookwarehouse/bookwarehouse"],
      [{ kind: "TCPRoute", name: "mysql" }],
    ),
    splitOf({ "bookstore-v1": 50, "bookstore-v2": 50 }),
  ];
}

/** A mistake: the rule names a match that its group does not have. */
export const mistakenTarget: MeshObject = targetOf(
  "bookstore/bookthief-access-bookstore-v2",
  "bookstore/bookstore-v2",
  ["bookthief/bookthief"],
  [{ kind: "HTTPRouteGroup", name: "bookstore-service-routes", matches: ["steal-a-book"] }],
);
