import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { envoyTypes } from "../../../shared/core/xds/resource.ts";
import type { AdsServer, StartAdsServer } from "./ads-server.ts";
import { type EnvoyProcess, startEnvoy } from "./envoy-process.ts";
import { type ProxyState, readProxyState } from "./proxy-state.ts";
import type { CompletedView } from "./served-view.ts";

const pollMs = 100;
/** For Envoy to be read from disk and to start, on a busy machine. Milliseconds. */
const startLimitMs = 60_000;

/**
 * Gives a view to a real Envoy and returns what is wrong with it, one sentence each; empty: every type was acknowledged, nothing is left
 * warming, and the proxy uses exactly the names it should. `deadlineMs`: how long it may take for that, once it answers.
 */
export async function proveView(
  view: CompletedView,
  options: { readonly binary: string; readonly startServer: StartAdsServer; readonly deadlineMs?: number },
): Promise<readonly string[]> {
  const { binary, startServer, deadlineMs = 30_000 } = options;
  const folder = await mkdtemp(join(tmpdir(), "weft-ads-"));
  try {
    await using server = await startServer(view.served, join(folder, "ads.sock"));
    await using envoy = await startEnvoy({ binary, bootstrap: (admin) => server.bootstrap(admin) });
    return await faultsWhenSettled(view, { server, envoy, deadlineMs });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function faultsWhenSettled(
  view: CompletedView,
  {
    server,
    envoy,
    deadlineMs,
  }: { readonly server: AdsServer; readonly envoy: EnvoyProcess; readonly deadlineMs: number },
): Promise<readonly string[]> {
  const begun = performance.now();
  let answered: number | undefined;
  for (;;) {
    const state = await readProxyState(envoy).catch((error: unknown) => error);
    if (!(state instanceof Error)) answered ??= performance.now();
    const faults =
      state instanceof Error ? [`no answer: ${state.message}`] : faultsOf(view, { server, state: state as ProxyState });
    if (faults.length === 0 || server.refusals.length > 0) return faults;
    if (envoy.exit !== undefined) return [`Envoy ${envoy.exit}: ${envoy.log.slice(-2000)}`];
    // A look that got no answer says nothing of what Envoy has.
    const end = state instanceof Error || answered === undefined ? begun + startLimitMs : answered;
    if (performance.now() > end + deadlineMs) return [...faults, `log: ${envoy.log.slice(-2000)}`];
    await pause(pollMs);
  }
}

function faultsOf(
  view: CompletedView,
  { server, state }: { readonly server: Pick<AdsServer, "refusals" | "acknowledged">; readonly state: ProxyState },
): readonly string[] {
  const faults = [
    ...server.refusals.map(({ type, names, message }) => `${type} refused (${names.join(", ")}): ${message}`),
    ...state.refused.map((text) => `refused: ${text}`),
    ...state.warming.map((text) => `warming: ${text}`),
  ];
  for (const type of envoyTypes) {
    const wanted = view.wanted[type];
    const active = state.active[type];
    const acknowledged = server.acknowledged(type);
    faults.push(
      ...without(wanted, new Set(active)).map((name) => `${type} ${name} is not in use`),
      ...without(active, new Set(wanted)).map((name) => `${type} ${name} is in use but nothing names it`),
      ...without(wanted, acknowledged).map((name) => `${type} ${name} is not acknowledged`),
    );
  }
  return faults;
}

function without(names: readonly string[], others: ReadonlySet<string>): readonly string[] {
  return names.filter((name) => !others.has(name));
}
