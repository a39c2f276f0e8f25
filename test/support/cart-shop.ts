import type { MeshObject } from "../../shared/core/object.ts";
import { httpRouteGroup, meshConfig, namespace, pod, service, stateOf, trafficTarget } from "./build.ts";

/** A Service `cart`, a client `web` that nothing allows to call it yet, and a route for all requests. */
export const shop = stateOf([
  namespace("shop"),
  meshConfig({ permissive: false, egress: false }),
  service("shop/cart", { ports: [{ port: 80, targetPort: 8080, name: "http" }] }),
  pod("shop/cart", { ports: { http: 8080 } }),
  pod("shop/web"),
  httpRouteGroup("shop/all", [{ name: "any" }]),
]);

/** Lets `web` call `cart`. */
export const [target] = stateOf([
  trafficTarget("shop/web-to-cart", {
    to: "cart",
    from: ["shop/web"],
    rules: [{ kind: "HTTPRouteGroup", name: "all", matches: ["any"] }],
  }),
]) as [MeshObject];
