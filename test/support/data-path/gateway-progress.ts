import { eventually } from "../eventually.ts";

/** How far the gateway and its proxies are. */
export interface Progress {
  /** Hash of the cluster as the gateway sees it. */
  readonly picture: string;
  /** Hash of the cluster that the snapshot in force was compiled from. */
  readonly compiled: string;
  readonly version: number;
  readonly proxies: readonly ProxyProgress[];
}

export interface ProxyProgress {
  readonly proxy: string;
  readonly acknowledged: number;
  readonly refused?: string;
}

export interface SeenProblem {
  readonly code: string;
  readonly object: { readonly kind: string; readonly namespace: string; readonly name: string };
  readonly message: string;
}

export async function readProgress(gatewayUrl: string): Promise<Progress> {
  const [state, snapshot, roster] = await Promise.all([
    readPage<{ readonly state: string }>(gatewayUrl, "/debug/state"),
    readPage<{ readonly version: number; readonly served: { readonly state: string } }>(gatewayUrl, "/debug/snapshot"),
    readPage<Pick<Progress, "proxies">>(gatewayUrl, "/debug/proxies"),
  ]);
  return {
    picture: state?.state ?? "",
    compiled: snapshot?.served.state ?? "none yet",
    version: snapshot?.version ?? 0,
    proxies: roster?.proxies ?? [],
  };
}

export async function readProblems(gatewayUrl: string): Promise<readonly SeenProblem[]> {
  return (await readPage<{ readonly problems: readonly SeenProblem[] }>(gatewayUrl, "/debug/problems"))?.problems ?? [];
}

/**
 * Resolves when the snapshot in force holds the gateway's whole picture of the cluster, every proxy has acknowledged it, and
 * a second look finds the same. `proxies`: so many are connected, at least.
 */
export async function untilSettled(gatewayUrl: string, { proxies }: { readonly proxies: number }): Promise<Progress> {
  let before: Progress | undefined;
  return eventually("all proxies have what they should", async () => {
    const now = await readProgress(gatewayUrl);
    const missing = whatIsMissing(now, proxies);
    const stays = before?.picture === now.picture && before.version === now.version;
    before = missing === undefined ? now : undefined;
    if (missing !== undefined) throw new Error(missing);
    return stays && now;
  });
}

function whatIsMissing({ picture, compiled, version, proxies }: Progress, least: number): string | undefined {
  if (compiled !== picture) return "no snapshot holds the change";
  if (proxies.length < least) return `${proxies.length} of ${least} proxies are connected`;
  const late = proxies.filter(({ acknowledged }) => acknowledged < version);
  if (late.length === 0) return undefined;
  return late
    .map(({ proxy, acknowledged, refused = "" }) => `${proxy} is at ${acknowledged} of ${version} ${refused}`)
    .join("; ");
}

async function readPage<T>(gatewayUrl: string, page: string): Promise<T | undefined> {
  const response = await fetch(new URL(page, gatewayUrl));
  return response.ok ? ((await response.json()) as T) : undefined;
}
