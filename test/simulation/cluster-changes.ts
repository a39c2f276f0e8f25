import {
  httpRouteGroup,
  meshConfig,
  namespace,
  pod,
  service,
  tcpRoute,
  trafficSplit,
  trafficTarget,
} from "../support/build.ts";
import { collectionOfObject, type SimulatedKubernetes, type WrittenObject } from "./kubernetes.ts";
import type { Random } from "./random.ts";

/** One write of a person. */
export interface ClusterChange {
  readonly what: string;
  readonly make: (kubernetes: SimulatedKubernetes) => void;
}

const places = ["shop", "bank"];
const names = ["buyer", "store", "stock"];

/** The cluster that a history begins with. */
export function firstObjects(random: Random): readonly WrittenObject[] {
  const objects: WrittenObject[] = [...places.map((place) => namespace(place)), namespace("out", {}), config(random)];
  for (let count = random.between(4, 14); count > 0; count--) objects.push(anyObject(random));
  return objects;
}

/** An object appears, changes, or goes. */
export function anyChange(random: Random): ClusterChange {
  const object = anyObject(random);
  const { name, namespace: place } = object.metadata;
  const what = `${object.kind} ${place === undefined ? "" : `${place}/`}${name}`;
  if (random.chance(0.3))
    return {
      what: `deletes ${what}`,
      make: (kubernetes) => kubernetes.remove(collectionOfObject(object), place, name),
    };
  return { what: `applies ${what}`, make: (kubernetes) => kubernetes.apply(object) };
}

function anyObject(random: Random): WrittenObject {
  const name = `${random.pick(places)}/${random.pick(names)}`;
  const kind = random.below(20);
  if (kind < 4) return aService(random, name);
  if (kind < 8) return aPod(random, name);
  if (kind < 13) return aTarget(random, name);
  if (kind < 15) return aRouteGroup(random, name);
  if (kind < 16) return tcpRoute(name, random.pick([[], [80], [3306]]));
  if (kind < 18) return aSplit(random, name);
  if (kind < 19) return config(random);
  return aNamespace(random);
}

function aService(random: Random, name: string): WrittenObject {
  const ports = random.pick([
    [80],
    [{ port: 80, targetPort: 8080 }],
    [
      { port: 80, name: "http" },
      { port: 3306, name: "db", appProtocol: "tcp" },
    ],
  ]);
  return service(name, { ports, selector: { app: random.pick(names) } });
}

function aPod(random: Random, name: string): WrittenObject {
  // An address is one pod's alone, whatever becomes of it.
  const [place = "", own = ""] = name.split("/");
  const ips = [`10.244.${places.indexOf(place) * names.length + names.indexOf(own)}.${random.between(2, 250)}`];
  const shape = { account: random.pick(names), labels: { app: random.pick(names) }, ips, meshed: random.chance(0.9) };
  const written = pod(name, shape);
  const conditions = [{ type: "Ready", status: random.chance(0.8) ? "True" : "False" }];
  return { ...written, status: { ...(written["status"] as object), conditions } } as WrittenObject;
}

function aTarget(random: Random, name: string): WrittenObject {
  const from = Array.from({ length: random.between(1, 2) }, () => `${random.pick(places)}/${random.pick(names)}`);
  const route = random.pick(["HTTPRouteGroup", "HTTPRouteGroup", "TCPRoute"]);
  const target = trafficTarget(name, {
    to: random.pick(names),
    from,
    rules: [{ kind: route, name: random.pick(names) }],
  });
  // A mistake of the kind that the API server of a cluster with loose CRDs lets through.
  return random.chance(0.05)
    ? ({ ...target, spec: random.pick<never>([{}, 5, []] as never[]) } as WrittenObject)
    : target;
}

function aRouteGroup(random: Random, name: string): WrittenObject {
  const pathRegex = random.pick(["/buy", "/buy.*", "/sell", "["]);
  const methods = random.pick([["GET"], ["GET", "POST"]]);
  return httpRouteGroup(name, [{ name: "m", pathRegex, methods }]);
}

function aSplit(random: Random, name: string): WrittenObject {
  const backends = Object.fromEntries(names.map((backend) => [backend, random.pick([0, 1, 50])]));
  return trafficSplit(name, { root: random.pick(names), backends });
}

function config(random: Random): WrittenObject {
  return meshConfig({ permissive: random.chance(0.25), egress: random.chance(0.3) });
}

function aNamespace(random: Random): WrittenObject {
  const name = random.pick([...places, "out"]);
  return random.chance(0.5) ? namespace(name) : namespace(name, {});
}

/** Larger than a message may be: both sides must put the same marker into the state. */
export function oversizeChange(random: Random): ClusterChange {
  const name = `${random.pick(places)}/${random.pick(names)}`;
  const object = httpRouteGroup(name, [{ name: "m", pathRegex: "a".repeat(random.pick([930_000, 950_000])) }]);
  return { what: `applies oversize HTTPRouteGroup ${name}`, make: (kubernetes) => kubernetes.apply(object) };
}
