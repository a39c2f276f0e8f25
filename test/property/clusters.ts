import * as fc from "fast-check";
import type { JsonObject } from "../../shared/core/canonical.ts";
import type { MeshObject } from "../../shared/core/object.ts";
import type { SmiSemantics } from "../../shared/core/policy/semantics.ts";
import {
  httpRouteGroup,
  type KubernetesObject,
  meshConfig,
  namespace,
  pod,
  service,
  stateOf,
  tcpRoute,
  trafficSplit,
  trafficTarget,
} from "../support/build.ts";
import type { Request } from "../support/oracle.ts";

/** Clusters for property tests: small worlds in which most of what is generated finds what it refers to, with the mistakes that users make. */

/** Cases of one property; `npm run test:nightly` asks for more. */
export const cases = { numRuns: Number(process.env["WEFT_CASES"] ?? 500) };

export interface World {
  /** Namespaces of the mesh; there is another one, `out`, outside it. */
  readonly places: readonly string[];
  /** Of Services, pods, accounts and policies. */
  readonly names: readonly string[];
  /** Most objects beside the frame. */
  readonly most: number;
}

export const ports = [80, 81, 3306];
export const requests: readonly Request[] = [
  { method: "GET", path: "/buy?q=1" },
  { method: "POST", path: "/buy/all" },
  { method: "GET", path: "/", headers: { ":authority": "x.a", v: "1" } },
];

export const oneOf = <T>(values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
export const semantics = oneOf<SmiSemantics>(["osm", "spec"]);

/** None of these is a body of any kind. */
export const badBody = oneOf<JsonObject>([
  { refused: { bodyHash: "x", reason: "larger than 900 KB" } },
  { refused: "no name" },
  { spec: 5, labels: 5 },
  { spec: [], labels: [] },
  { spec: "{}", labels: "{}" },
]);

export interface Clusters {
  /** As Kubernetes has them; some may have one name. */
  readonly objects: fc.Arbitrary<readonly KubernetesObject[]>;
  /** Everything that the world is made of, and more; later objects have replaced those of the same name. */
  readonly cluster: fc.Arbitrary<readonly MeshObject[]>;
  readonly object: fc.Arbitrary<KubernetesObject>;
  readonly target: fc.Arbitrary<KubernetesObject>;
}

export function clustersOf({ places, names, most }: World): Clusters {
  const [first = ""] = places;
  const fullName = fc
    .tuple(oneOf([...Array.from({ length: 4 }, () => first), ...places, ...places.slice(1), "out"]), oneOf(names))
    .map(([place, name]) => `${place}/${name}`);
  const created = fc.nat(3);

  const port = fc.record(
    {
      port: oneOf(ports),
      targetPort: oneOf<number | string>([80, 81, "web"]),
      name: oneOf(["http-a", "tcp-b", "plain"]),
      appProtocol: oneOf(["http", "grpc", "tcp", "tcp-server-first", "smtp"]),
      protocol: oneOf(["TCP", "UDP"]),
    },
    { requiredKeys: ["port"] },
  );

  const match = fc.record(
    {
      name: oneOf(["m", "n"]),
      pathRegex: oneOf(["/buy", "/buy.*", "", "/|/buy", "[", "(?=a)"]),
      methods: fc.subarray(["GET", "POST", "*"]),
      headers: oneOf<JsonObject | readonly JsonObject[]>([[{ Host: "x.*" }, { v: "1" }], { v: "[0-9]" }, [{ v: "(" }]]),
    },
    { requiredKeys: ["name"] },
  );

  const rule = fc.oneof(
    fc.record(
      { kind: fc.constant("HTTPRouteGroup"), name: oneOf(names), matches: fc.subarray(["m", "n", "n", "o"]) },
      { requiredKeys: ["kind", "name"] },
    ),
    fc.record({ kind: oneOf(["TCPRoute", "TCPRoute", "UDPRoute"]), name: oneOf(names) }),
  );

  const target = fc
    .record({
      to: oneOf(names),
      from: fc.array(fullName, { minLength: 1, maxLength: 3 }),
      rules: fc.array(rule, { minLength: 1, maxLength: 3 }),
    })
    .chain((shape) => fullName.map((name) => trafficTarget(name, shape)));

  const object: fc.Arbitrary<KubernetesObject> = fc.oneof(
    fc
      .record({
        ports: fc.uniqueArray(port, { selector: (item) => item.port, maxLength: 3 }),
        app: oneOf(names),
        created,
      })
      .chain(({ app, ...shape }) => fullName.map((name) => service(name, { ...shape, selector: { app } }))),
    fc
      .record({ account: oneOf(names), app: oneOf(names), meshed: fc.boolean() })
      .chain(({ app, ...shape }) =>
        fullName.map((name) => pod(name, { ...shape, labels: { app }, ports: { web: 8080 } })),
      ),
    fc.array(match, { maxLength: 3 }).chain((matches) => fullName.map((name) => httpRouteGroup(name, matches))),
    fc.subarray([...ports]).chain((list) => fullName.map((name) => tcpRoute(name, list))),
    fc
      .record({
        root: oneOf(names),
        backends: fc.dictionary(oneOf([...names, "gone"]), oneOf([0, 1, 50, -1, 0.5])),
        created,
      })
      .chain((shape) => fullName.map((name) => trafficSplit(name, shape))),
    fc
      .record({
        root: oneOf(names),
        backends: fc.dictionary(oneOf(names), fc.nat(9)),
        matches: fc.subarray([...names]),
        created,
      })
      .chain((shape) => fullName.map((name) => trafficSplit(name, shape))),
    target,
    target,
    fc
      .tuple(target, oneOf(["sources", "rules"]))
      .map(([one, member]) => ({ ...one, spec: { ...one.spec, [member]: [] } })),
    fc.record({ permissive: fc.nat(3).map((n) => n === 0), egress: fc.boolean() }).map(meshConfig),
  );

  const frame = [
    ...places.map((place) => namespace(place)),
    namespace("out", {}),
    meshConfig({ permissive: false }),
    ...[...places, "out"].flatMap((place) =>
      names.flatMap((name) => [
        service(`${place}/${name}`, { ports: [80, { port: 3306, appProtocol: "tcp" }], created: 2 }),
        pod(`${place}/${name}`, { ports: { web: 8080 } }),
        httpRouteGroup(`${place}/${name}`, [{ name: "m", pathRegex: "/buy" }, { name: "n" }]),
        tcpRoute(`${place}/${name}`, name === "x" ? [3306] : []),
      ]),
    ),
  ];

  const objects = fc.array(object, { maxLength: most }).map((more) => [...frame, ...more]);
  return { objects, cluster: objects.map(stateOf), object, target };
}
