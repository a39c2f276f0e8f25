/** A pod's Envoy: token volume, bootstrap, interception, process, readiness. */

import { chmod, chown, mkdir, rm, writeFile } from "node:fs/promises";
import { buildBootstrap, envoyArguments } from "../../gateway/inject/bootstrap.ts";
import { readExclusions } from "../../gateway/inject/inject-pod.ts";
import { buildInterceptionRules } from "../../gateway/inject/interception.ts";
import { PROXY_PORTS, PROXY_UID, proxyUuidOf } from "../../gateway/inject/marks.ts";
import { askEnvoy, isEnvoyReady } from "./envoy-admin.ts";
import type { Pod } from "./kubernetes-objects.ts";
import { logPath, type PodContext } from "./pod-context.ts";
import { loadRules, type PodNetwork } from "./pod-network.ts";
import { startTokenVolume } from "./projected-token.ts";
import { startReadiness } from "./readiness.ts";
import { startContainer } from "./start-container.ts";
import type { PodShim } from "./start-pod-shim.ts";

export interface Sidecar extends AsyncDisposable {
  readonly ready: () => boolean;
  /** Asks Envoy to drain its inbound side, as a preStop hook does; open connections get their drain time. */
  readonly drain: () => Promise<void>;
  readonly stop: (graceMs: number) => Promise<void>;
}

export interface SidecarOptions {
  readonly pod: Pod;
  readonly context: PodContext;
  readonly network: PodNetwork;
  readonly shim: PodShim;
  /** The pod's own directory. */
  readonly directory: string;
  readonly onChange: () => void;
}

/** Undefined for a pod without the sidecar mark. Throws when token, bootstrap or rules cannot be had. */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar | undefined> {
  const { pod, context, network, shim, directory, onChange } = options;
  if (proxyUuidOf(pod.metadata.labels) === undefined) return undefined;
  if (context.proxy === undefined) throw new Error("the pod has a sidecar, and there is no Envoy on this machine");
  const { settings } = context;
  await using building = new AsyncDisposableStack();

  const tokenDirectory = `${directory}/token`;
  building.use(
    await startTokenVolume({
      client: context.client,
      pod,
      directory: tokenDirectory,
      seconds: settings.tokenSeconds,
      renewAt: settings.tokenRenewAt,
      report: context.report,
    }),
  );
  const adminDirectory = `${directory}/envoy`;
  await makePrivateDirectory(adminDirectory);
  const adminSocketPath = `${adminDirectory}/admin.sock`;
  const bootstrap = buildBootstrap({ ...context.proxy.describe(pod), tokenDirectory, adminSocketPath });
  const bootstrapPath = `${directory}/bootstrap.json`;
  await writeFile(bootstrapPath, `${JSON.stringify(bootstrap, undefined, 2)}\n`, { mode: 0o644 });
  await loadRules(network.namespace, interceptionRules(pod));

  const envoy = startContainer({
    shim,
    program: {
      name: "envoy",
      argv: [
        context.proxy.path,
        "--config-path",
        bootstrapPath,
        ...envoyArguments({ drainSeconds: settings.drainSeconds, logLevel: settings.envoyLogLevel }),
      ],
      environment: {},
      workingDir: "/",
      logPath: logPath(pod, "envoy", context),
      uid: PROXY_UID,
      gid: PROXY_UID,
    },
    restartPolicy: "Always",
    restart: settings.restart,
    prepare: () => rm(adminSocketPath, { force: true }),
    onChange,
  });
  building.defer(() => envoy.stop(0));
  const readiness = building.use(
    startReadiness({
      check: () => isEnvoyReady(adminSocketPath),
      initialDelayMs: 0,
      unreadyMs: settings.unreadyProbeMs,
      readyMs: settings.readyProxyMs,
      successes: 1,
      failures: 1,
      onChange,
    }),
  );
  const standing = building.move();
  return {
    ready: () => envoy.state().kind === "running" && readiness.ready(),
    async drain() {
      // An Envoy that does not answer has nothing to drain.
      await askEnvoy(adminSocketPath, { method: "POST", path: "/drain_listeners?graceful&inboundonly" }).catch(
        () => {},
      );
    },
    stop: (graceMs) => envoy.stop(graceMs),
    [Symbol.asyncDispose]: () => standing.disposeAsync(),
  };
}

function interceptionRules(pod: Pod): string {
  const read = readExclusions(pod);
  if (!read.ok) throw new Error(read.message);
  return buildInterceptionRules({
    proxyUid: PROXY_UID,
    inboundPort: PROXY_PORTS.inbound,
    outboundPort: PROXY_PORTS.outbound,
    exclusions: read.exclusions,
  });
}

/** Only Envoy's user may enter. */
async function makePrivateDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o700);
  await chown(directory, PROXY_UID, PROXY_UID);
}
