/** Installs Debian packages, or says in one line what a person has to do instead. */

import process from "node:process";
import { runCommand } from "./run-command.ts";

/** How set-up speaks with its caller. */
export interface SetupOptions {
  /** The process environment: `ENVOY_BIN`, `PATH`, `HOME`, `XDG_CACHE_HOME`, `WEFT_NO_INSTALL` are read. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** False (or `WEFT_NO_INSTALL=1`): nothing is installed by apt and nothing downloaded. Default true. */
  readonly install?: boolean;
  /** Gets a line before each thing that takes long or changes the machine, and while it goes on. */
  readonly report: (line: string) => void;
}

/** What a step found: done, or one line for a person: what is wrong, why it matters, the command that mends it. */
export type SetupResult<T> = ({ readonly ok: true } & T) | { readonly ok: false; readonly problems: readonly string[] };

/** Whether set-up may change the machine. */
export function mayInstall({ environment, install = true }: SetupOptions): boolean {
  return install && environment["WEFT_NO_INSTALL"] !== "1";
}

/**
 * Installs `packages` by apt, if this is root, apt is there, and installing is allowed. Returns undefined when done,
 * otherwise a problem line that starts with `need`.
 */
export async function installPackages(
  packages: readonly string[],
  need: string,
  options: SetupOptions,
): Promise<string | undefined> {
  const names = packages.join(" ");
  const sudo = process.getuid?.() === 0 ? "" : "sudo ";
  const mend = `${sudo}apt-get install -y ${names}`;
  if (!mayInstall(options)) return `${need}; installing is switched off: ${mend}`;
  if (sudo !== "") return `${need}; only root can install it: ${mend}`;
  const apt = await runCommand(["apt-get", "--version"]).catch(() => undefined);
  if (apt === undefined) return `${need}; this machine has no apt: install ${names} with its own package manager`;
  options.report(`${need}: installing ${names} with apt (--no-install forbids it)`);
  try {
    await aptInstall(packages);
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `${need}; apt could not install it (${reason}): apt-get update && ${mend}`;
  }
}

async function aptInstall(packages: readonly string[]): Promise<void> {
  const install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", ...packages];
  const options = { environment: { DEBIAN_FRONTEND: "noninteractive" }, timeoutMs: 300_000 };
  try {
    await runCommand(install, options);
  } catch {
    // A fresh machine has no package lists yet.
    await runCommand(["apt-get", "update", "-q"], options);
    await runCommand(install, options);
  }
}
