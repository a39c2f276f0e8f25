import type { MeshObject } from "../../shared/core/object.ts";
import {
  httpRouteGroup,
  type KubernetesObject,
  meshConfig,
  namespace,
  pod,
  service,
  stateOf,
  trafficTarget,
} from "../support/build.ts";

/** Services `s0`, `s1`, … in the namespace `shop`, each of which its neighbour may call. */
export function neighbours(services: number): readonly MeshObject[] {
  const names = Array.from({ length: services }, (_, index) => `s${index}`);
  return stateOf([
    namespace("shop"),
    meshConfig({ permissive: false, egress: false }),
    httpRouteGroup("shop/all", [{ name: "any" }]),
    ...names.map((name) => service(`shop/${name}`, { ports: [{ port: 80, targetPort: 8080, name: "http" }] })),
    ...names.map((name) => pod(`shop/${name}`)),
    ...names.map((name, index) => target(name, `s${(index + 1) % services}`)),
  ]);
}

/** One of them calls another neighbour instead. */
export function movedGrant(): readonly MeshObject[] {
  return stateOf([target("s5", "s9")]);
}

function target(to: string, from: string): KubernetesObject {
  return trafficTarget(`shop/to-${to}`, {
    to,
    from: [`shop/${from}`],
    rules: [{ kind: "HTTPRouteGroup", name: "all", matches: ["any"] }],
  });
}
