import type { TlsSettings } from "../mesh/mesh.ts";
import { any } from "./encode.ts";
import type { TransportSocket } from "./gen/envoy/config/core/v3/base.ts";
import { RawBuffer } from "./gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.ts";
import {
  type TlsParameters,
  TlsParameters_TlsProtocol,
} from "./gen/envoy/extensions/transport_sockets/tls/v3/common.ts";
import {
  type CommonTlsContext,
  DownstreamTlsContext,
  UpstreamTlsContext,
} from "./gen/envoy/extensions/transport_sockets/tls/v3/tls.ts";
import { identityName } from "./names.ts";
import { ads } from "./sources.ts";

/** The only protocol that clients offer; it marks mesh traffic, in OSM too, and nothing is negotiated by it (envoy.md §16 E). */
export const meshAlpn = "osm";

export function upstreamTls(options: {
  readonly settings: TlsSettings;
  /** Secret with the names one of which the server must have. */
  readonly trust: string;
  readonly serverName?: string;
}): TransportSocket {
  const context: UpstreamTlsContext = {
    commonTlsContext: { ...commonTls(options.settings, options.trust), alpnProtocols: [meshAlpn] },
    sni: options.serverName,
  };
  return {
    name: "envoy.transport_sockets.tls",
    configType: { $case: "typedConfig", value: any(UpstreamTlsContext, context) },
  };
}

export function downstreamTls(options: { readonly settings: TlsSettings; readonly trust: string }): TransportSocket {
  const context: DownstreamTlsContext = {
    // No ALPN list of the server's own: nothing is negotiated, and the codec recognises the protocol of the request.
    commonTlsContext: commonTls(options.settings, options.trust),
    requireClientCertificate: true,
  };
  return {
    name: "envoy.transport_sockets.tls",
    configType: { $case: "typedConfig", value: any(DownstreamTlsContext, context) },
  };
}

export function plaintext(): TransportSocket {
  return {
    name: "envoy.transport_sockets.raw_buffer",
    configType: { $case: "typedConfig", value: any(RawBuffer, {}) },
  };
}

function commonTls(settings: TlsSettings, trust: string): CommonTlsContext {
  return {
    tlsParams: tlsParameters(settings),
    tlsCertificateSdsSecretConfigs: [{ name: identityName, sdsConfig: ads }],
    validationContextType: { $case: "validationContextSdsSecretConfig", value: { name: trust, sdsConfig: ads } },
  };
}

/** Said on both sides, also when it is left to Envoy: its clients would stop at TLS 1.2 (envoy.md §2), below a server that begins at 1.3. */
function tlsParameters(settings: TlsSettings): TlsParameters {
  return {
    tlsMinimumProtocolVersion: TlsParameters_TlsProtocol[settings.minimum],
    tlsMaximumProtocolVersion:
      TlsParameters_TlsProtocol[settings.maximum === "TLS_AUTO" ? "TLSv1_3" : settings.maximum],
    cipherSuites: settings.cipherSuites,
    ecdhCurves: settings.ecdhCurves,
  };
}
