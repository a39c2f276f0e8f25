import { parseNamespacedName } from "../../shared/core/mesh/mesh.ts";
import { systemClock } from "../../shared/shell/system-clock.ts";
import type { GatewayConfig } from "../config.ts";
import type { ProxySecrets } from "../fast/secrets.ts";
import type { KubernetesClient } from "../kubernetes/client.ts";
import type { ClusterObjects } from "../kubernetes/cluster-objects.ts";
import type { FaultsOf } from "../ports.ts";
import type { ProxyAuthenticator } from "../xds/ports.ts";
import { createBuiltInAuthority } from "./certificate-authority.ts";
import { createAuthorityStore, publishRoots, reviewToken } from "./kubernetes-identity.ts";
import { startProxySecrets } from "./proxy-secrets.ts";
import { type RenewedServerCertificate, type ServerCertificate, startServerCertificate } from "./server-certificate.ts";
import { createTokenAuthenticator } from "./token-review.ts";
import { startWorkloadCertificates } from "./workload-certificates.ts";

/** Who proxies are, and what they prove it with. */
export interface GatewayIdentity extends AsyncDisposable {
  readonly secrets: ProxySecrets;
  readonly authenticator: ProxyAuthenticator;
  readonly serverCertificate: {
    current(): ServerCertificate;
    onRenewed(listener: (certificate: ServerCertificate) => void): void;
  };
}

export interface IdentityParts {
  readonly client: KubernetesClient;
  readonly objects: ClusterObjects;
  readonly faults: FaultsOf;
}

/** How often certificates and roots are looked at, at least. Milliseconds. */
const slowestCheck = 60_000;

export async function startIdentity(
  config: GatewayConfig,
  { client, objects, faults }: IdentityParts,
): Promise<GatewayIdentity> {
  await using life = new AsyncDisposableStack();
  const lifetimeMs = config.durations.certificate;
  const checkEveryMs = Math.min(slowestCheck, lifetimeMs / 20);
  const common = { clock: systemClock, random: Math.random, checkEveryMs };
  const store = createAuthorityStore(client, config.namespace);
  const authority = await createBuiltInAuthority({
    clusterName: config.cluster,
    store,
    clock: systemClock,
    // Clocks differ, and every replica looks for itself.
    rotationStepMs: 1.1 * lifetimeMs + 2 * checkEveryMs,
  });
  const publish = (roots: string): Promise<void> => publishRoots(client, config.namespace, roots);
  await publish(await authority.roots());
  const certificates = life.use(
    startWorkloadCertificates({
      ...common,
      authority,
      trustDomain: config.network.trustDomain,
      lifetimeMs,
      onFault: faults("certificates"),
    }),
  );
  const secrets = life.use(
    await startProxySecrets({
      authority,
      certificates,
      clock: systemClock,
      checkEveryMs,
      onRoots(roots) {
        server.renew();
        publish(roots).catch(faults("roots"));
      },
      onFault: faults("roots"),
    }),
  );
  const listeners: ((certificate: ServerCertificate) => void)[] = [];
  let certificate: ServerCertificate;
  const server: RenewedServerCertificate = life.use(
    await startServerCertificate({
      ...common,
      authority,
      dnsNames: config.serverNames,
      onRenewed(renewed) {
        certificate = renewed;
        for (const listener of listeners) listener(renewed);
      },
      onFault: faults("server-certificate"),
    }),
  );
  certificate = server.first;
  const running = life.move();
  return {
    secrets,
    authenticator: createTokenAuthenticator({
      clock: systemClock,
      reviewToken: (token) => reviewToken(client, token),
      findPod(namespace, name) {
        const pod = objects.pod(`${namespace}/${name}`);
        if (pod === undefined) return undefined;
        const { uid, account, hostNetwork, addresses } = pod;
        return { uid, serviceAccount: parseNamespacedName(account).name, hostNetwork, addresses, deleted: false };
      },
    }),
    serverCertificate: { current: () => certificate, onRenewed: (listener) => void listeners.push(listener) },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
