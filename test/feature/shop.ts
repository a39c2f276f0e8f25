import type { KubernetesObject } from "../support/build.ts";
import { httpRouteGroup, meshConfig, service } from "../support/build.ts";
import { type FeatureMesh, type FeatureProxy, startFeatureMesh } from "./feature-mesh.ts";
import type { RunningPod } from "./feature-proxy.ts";

/** The HTTP Service `shop/<name>` on port 80, of pods with the label `app: <name>`. */
export function httpService(name: string): KubernetesObject {
  return service(`shop/${name}`, { ports: [{ port: 80, targetPort: 8080, name: "http" }] });
}

export const allRequests = httpRouteGroup("shop/all", [{ name: "any" }]);
export const anyRequest = { kind: "HTTPRouteGroup", name: "all", matches: ["any"] };

export function principalOf(account: string): string {
  return `spiffe://cluster.local/ns/shop/sa/${account}`;
}

/** A client's connected proxy, and a server `server` that it may dial if the mesh is permissive. */
export interface Shop extends AsyncDisposable {
  readonly shop: FeatureMesh;
  readonly clientPod: RunningPod;
  readonly client: FeatureProxy;
}

export async function openShop(options: {
  readonly permissive: boolean;
  readonly objects?: readonly KubernetesObject[];
  readonly gatewayEnv?: Readonly<Record<string, string>>;
}): Promise<Shop> {
  await using life = new AsyncDisposableStack();
  const shop = life.use(await startFeatureMesh(options.gatewayEnv));
  await shop.apply(meshConfig({ permissive: options.permissive, egress: false }), httpService("server"));
  await shop.apply(...(options.objects ?? []));
  const clientPod = await shop.run({ name: "client", account: "client" });
  const client = life.use(shop.connect(clientPod));
  await client.until("the client has its listeners", () => client.held.listener.has("outbound"));
  const running = life.move();
  return { shop, clientPod, client, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
