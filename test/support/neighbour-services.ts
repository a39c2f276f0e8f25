import { httpRouteGroup, type KubernetesObject, meshConfig, namespace, pod, service, trafficTarget } from "./build.ts";

/**
 * Services `s0`, `s1`, … in the namespace `shop`, each with a pod, and each called by its neighbour: `s0` by `s1`, the last by `s0`. For measurements of large
 * clusters.
 */
export function neighbourServices(options: {
  readonly services: number;
  readonly permissive: boolean;
}): readonly KubernetesObject[] {
  const names = Array.from({ length: options.services }, (_, index) => `s${index}`);
  return [
    namespace("shop"),
    meshConfig({ permissive: options.permissive, egress: false }),
    httpRouteGroup("shop/all", [{ name: "any" }]),
    ...names.map((name) => service(`shop/${name}`, { ports: [{ port: 80, targetPort: 8080, name: "http" }] })),
    ...names.map((name) => pod(`shop/${name}`)),
    ...names.map((name, index) => grantTo(name, `s${(index + 1) % options.services}`)),
  ];
}

/** Lets one of them call another: everything, unless a group of routes and one of its matches are named. */
export function grantTo(
  to: string,
  from: string,
  group: { readonly name: string; readonly match: string } = { name: "all", match: "any" },
): KubernetesObject {
  return trafficTarget(`shop/to-${to}`, {
    to,
    from: [`shop/${from}`],
    rules: [{ kind: "HTTPRouteGroup", name: group.name, matches: [group.match] }],
  });
}
