import { httpRouteGroup, type KubernetesObject, meshConfig, trafficTarget } from "./build.ts";

/** Accounts of a grant: an object stays well below what one message may hold. */
const sourcesOfOne = 800;
const grants = 7;

/** Restrictive policy that lets thousands of accounts with the longest names reach `shop/web`: what it becomes is larger than a document. */
export function largePolicy(): readonly KubernetesObject[] {
  return [
    meshConfig({ permissive: false, egress: false }),
    httpRouteGroup("shop/all", [{ name: "any" }]),
    ...Array.from({ length: grants }, (_, grant) =>
      trafficTarget(`shop/grant-${grant}`, {
        to: "web",
        from: Array.from({ length: sourcesOfOne }, (__, source) => `shop/${`${grant}-${source}`.padEnd(253, "x")}`),
        rules: [{ kind: "HTTPRouteGroup", name: "all", matches: ["any"] }],
      }),
    ),
  ];
}
