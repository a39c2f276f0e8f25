/** Finds out whether this machine can run pods, by trying it. */

import { access } from "node:fs/promises";
import { buildInterceptionRules } from "../../gateway/inject/interception.ts";
import { PROXY_PORTS, PROXY_UID } from "../../gateway/inject/marks.ts";
import { type EnvoyBinary, findEnvoy } from "./envoy-binary.ts";
import { inNamespace, removeNamespace } from "./node-network.ts";
import { installPackages, type SetupOptions, type SetupResult } from "./packages.ts";
import { runCommand } from "./run-command.ts";

/**
 * Tools and rights for pods. Missing tools are installed if `options` allow it; rights are tested by making a namespace
 * and loading a pod's own rules in it, so root in a locked-down container fails here and not in the middle of a start.
 */
export async function checkMachine(options: SetupOptions): Promise<SetupResult<unknown>> {
  if (process.platform !== "linux") {
    const why = "network namespaces exist only there";
    return {
      ok: false,
      problems: [`pods need Linux (this is ${process.platform}): ${why}; use a Linux machine or VM`],
    };
  }
  const problems = [...(await missingTools(options)), ...(await missingFiles())];
  if (problems.length === 0) problems.push(...(await missingRights()));
  return problems.length === 0 ? { ok: true } : { ok: false, problems };
}

/** The machine, then Envoy: all that `startDataPlane` needs to be able to run meshed pods. */
export async function setUp(options: SetupOptions): Promise<SetupResult<{ readonly envoy: EnvoyBinary }>> {
  const machine = await checkMachine(options);
  if (!machine.ok) return machine;
  const envoy = await findEnvoy(options);
  return envoy.ok ? { ok: true, envoy: { path: envoy.path, version: envoy.version } } : envoy;
}

const TOOLS = [
  { program: ["ip", "-V"], package: "iproute2", purpose: "pods need it for their network namespaces" },
  { program: ["iptables-restore", "--version"], package: "iptables", purpose: "pods need it for interception" },
] as const;

async function missingTools(options: SetupOptions): Promise<string[]> {
  const problems: string[] = [];
  for (const tool of TOOLS) {
    const found = await runCommand(tool.program).catch(() => undefined);
    if (found !== undefined) continue;
    const need = `${tool.program[0]} is missing, ${tool.purpose}`;
    const problem = await installPackages([tool.package], need, options);
    if (problem !== undefined) problems.push(problem);
  }
  return problems;
}

/** A pod's own version of a file is laid over the machine's, which must therefore be there. */
async function missingFiles(): Promise<string[]> {
  const file = "/etc/resolv.conf";
  const there = await access(file).then(
    () => true,
    () => false,
  );
  return there ? [] : [`${file} is missing, pods cannot be given a name server of their own: touch ${file}`];
}

async function missingRights(): Promise<string[]> {
  const namespace = `weft-check-${process.pid}`;
  try {
    await runCommand(["ip", "netns", "add", namespace]);
  } catch (error) {
    return [`pods need the right to make network namespaces (${reason(error)}): run it as root, for example with sudo`];
  }
  try {
    await inNamespace(namespace, ["iptables-restore", "--wait", "10", "--noflush"], interceptionProbe());
    await inNamespace(namespace, ["iptables-restore", "--wait", "10", "--noflush"], serviceProbe());
    return [];
  } catch (error) {
    return [`interception rules cannot be loaded here (${reason(error)}): modprobe -a ip_tables xt_REDIRECT xt_owner`];
  } finally {
    await removeNamespace(namespace);
  }
}

function interceptionProbe(): string {
  const exclusions = { inboundPorts: [1], interfaces: ["none"], outboundRanges: ["192.0.2.0/24"] };
  return buildInterceptionRules({
    proxyUid: PROXY_UID,
    inboundPort: PROXY_PORTS.inbound,
    outboundPort: PROXY_PORTS.outbound,
    exclusions,
  });
}

/** One of each kind of rule that the stand-in for kube-proxy makes. */
function serviceProbe(): string {
  return [
    "*nat",
    "-A PREROUTING -p tcp -d 192.0.2.1/32 --dport 1 -m statistic --mode random --probability 0.5 -j DNAT --to-destination 192.0.2.2:1",
    "-A PREROUTING -s 192.0.2.2/32 -j MARK --set-xmark 0x4000/0x4000",
    "-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE",
    "COMMIT",
    "*filter",
    "-A FORWARD -d 192.0.2.0/24 -j REJECT",
    "COMMIT",
    "",
  ].join("\n");
}

function reason(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll("\n", " ");
}
