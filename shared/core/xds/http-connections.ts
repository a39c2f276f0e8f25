import { any, encode, milliseconds } from "./encode.ts";
import { type Filter } from "./gen/envoy/config/listener/v3/listener_components.ts";
import type { RouteConfiguration } from "./gen/envoy/config/route/v3/route.ts";
import { Router } from "./gen/envoy/extensions/filters/http/router/v3/router.ts";
import {
  HttpConnectionManager,
  HttpConnectionManager_ForwardClientCertDetails,
  HttpConnectionManager_PathWithEscapedSlashesAction,
  HttpConnectionManager_ServerHeaderTransformation,
  type HttpFilter,
} from "./gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import { ads } from "./sources.ts";
import { requestStatistics } from "./telemetry.ts";

const router: HttpFilter = {
  name: "envoy.filters.http.router",
  configType: { $case: "typedConfig", value: any(Router, {}) },
};

/** Passes what it does not need to change: headers, streams of any length, WebSocket over HTTP/1 and HTTP/2 (envoy.md §11). */
const transparent = {
  serverHeaderTransformation: HttpConnectionManager_ServerHeaderTransformation.PASS_THROUGH,
  // A stream may be silent for as long as its two ends like.
  streamIdleTimeout: milliseconds(0),
  http2ProtocolOptions: { allowConnect: true },
  upgradeConfigs: [{ upgradeType: "websocket" }],
} satisfies HttpConnectionManager;

const restOfOutbound = encode(HttpConnectionManager, { ...transparent, httpFilters: [router] });

/** Requests to a Service, along the RouteConfiguration of that name. */
export function outboundHttp(route: string): Filter {
  return manager(
    { statPrefix: route, routeSpecifier: { $case: "rds", value: { configSource: ads, routeConfigName: route } } },
    restOfOutbound,
  );
}

/** Requests to the application. `authorization` decides before anything else sees them. */
export function inboundHttp(options: { readonly cluster: string; readonly authorization: HttpFilter }): Filter {
  return manager({
    ...transparent,
    statPrefix: options.cluster,
    routeSpecifier: { $case: "routeConfig", value: everythingTo(options.cluster) },
    httpFilters: [options.authorization, router],
    accessLog: [requestStatistics],
    // The application learns its client from us, never from the client.
    forwardClientCertDetails: HttpConnectionManager_ForwardClientCertDetails.SANITIZE_SET,
    setCurrentClientCertDetails: { uri: true, dns: true },
    // Policy sees the path as the application will (envoy.md §3, path tricks).
    normalizePath: true,
    mergeSlashes: true,
    pathWithEscapedSlashesAction: HttpConnectionManager_PathWithEscapedSlashesAction.UNESCAPE_AND_REDIRECT,
  });
}

/**
 * Says 403 to what nobody granted, and closes whatever is not an HTTP request within about a second. Each time-out, and one request a connection,
 * has its reason in envoy.md §16 A.
 */
export function notGrantedHttp(): Filter {
  return manager({
    statPrefix: "not_granted",
    requestHeadersTimeout: milliseconds(900),
    streamIdleTimeout: milliseconds(1000),
    delayedCloseTimeout: milliseconds(100),
    drainTimeout: milliseconds(100),
    commonHttpProtocolOptions: { idleTimeout: milliseconds(900), maxRequestsPerConnection: 1 },
    routeSpecifier: {
      $case: "routeConfig",
      value: {
        virtualHosts: [
          {
            name: "not_granted",
            domains: ["*"],
            routes: [
              {
                match: { pathSpecifier: { $case: "prefix", value: "/" } },
                action: {
                  $case: "directResponse",
                  value: { status: 403, body: { specifier: { $case: "inlineString", value: "not granted" } } },
                },
              },
            ],
          },
        ],
      },
    },
    httpFilters: [router],
  });
}

function everythingTo(cluster: string): RouteConfiguration {
  return {
    virtualHosts: [
      {
        name: cluster,
        domains: ["*"],
        routes: [
          {
            match: { pathSpecifier: { $case: "prefix", value: "/" } },
            action: {
              $case: "route",
              value: { clusterSpecifier: { $case: "cluster", value: cluster }, timeout: milliseconds(0) },
            },
          },
        ],
      },
    ],
  };
}

function manager(config: HttpConnectionManager, rest?: Uint8Array): Filter {
  return {
    name: "envoy.filters.network.http_connection_manager",
    configType: { $case: "typedConfig", value: any(HttpConnectionManager, config, rest) },
  };
}
