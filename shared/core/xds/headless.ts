import { headlessCluster } from "./clusters.ts";
import { encode } from "./encode.ts";
import type { HeadlessSet } from "./fast-sets.ts";
import { TrafficDirection } from "./gen/envoy/config/core/v3/base.ts";
import { Listener } from "./gen/envoy/config/listener/v3/listener.ts";
import type { Filter } from "./gen/envoy/config/listener/v3/listener_components.ts";
import { outboundHttp } from "./http-connections.ts";
import { type PortOfService, type Reach, reachedAccounts } from "./mesh-index.ts";
import { headlessSetName, routeName } from "./names.ts";
import type { Resource } from "./resource.ts";
import type { TranslationContext } from "./resource-pool.ts";
import { singleRoute } from "./routes.ts";
import { setBody } from "./sets.ts";
import { tcpProxy } from "./tcp-connections.ts";

/** One port of a headless Service: everything but its pods' addresses, which only the fast lane knows (envoy.md §16 D). */
export function headlessPort(context: TranslationContext, port: PortOfService, reach: Reach): readonly Resource[] {
  const reached = reachedAccounts(port.port.accounts, reach);
  if (reached.accounts.length === 0) return [];
  const { name: cluster, resources } = headlessCluster(context, port, reached);
  const { protocol } = port.port;
  const isHttp = protocol === "http" || protocol === "grpc";
  const route = routeName(port.service.key, port.port.port);
  const set = context.pool.resource(
    {
      type: "headless-set",
      name: headlessSetName(port.service.key, port.port.port),
      variant: reach === "everyone" ? "" : reached.signature,
    },
    () => ({
      body: setBody({
        service: port.service.key,
        port: port.port.port,
        protocol,
        accounts: reached.accounts,
        listenerTemplate: listenerTemplate(isHttp ? outboundHttp(route) : tcpProxy(route, cluster)),
      } satisfies HeadlessSet),
      causes: [port.service.source],
      references: [isHttp ? { type: "route", name: route } : { type: "cluster", name: cluster }],
    }),
  );
  return [set, ...(isHttp ? [singleRoute(context, port, { reach, cluster })] : []), ...resources];
}

function listenerTemplate(filter: Filter): string {
  const template = encode(Listener, {
    bindToPort: false,
    trafficDirection: TrafficDirection.OUTBOUND,
    filterChains: [{ filters: [filter] }],
  });
  return Buffer.from(template).toString("base64");
}
