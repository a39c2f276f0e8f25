import { inNamespace, removeNamespace } from "../../../local/data-plane/node-network.ts";
import { runCommand } from "../../../local/data-plane/run-command.ts";

/** What a packet is counted by. */
export interface Look {
  /** The packet holds this text. Letters, digits and dashes. */
  readonly text?: string;
  /** The packet holds bytes in hexadecimal. */
  readonly bytes?: string;
  readonly from?: string;
  readonly to?: string;
  /** Neither from nor to this address. */
  readonly without?: string;
}

export interface Wire<Name extends string> extends AsyncDisposable {
  /** How many packets have fitted each look so far. */
  packets(): Promise<Readonly<Record<Name, number>>>;
}

/** How a TLS record of application data begins, in every version up to 1.3. */
export const tlsApplicationData = "170303";

/**
 * Counts TCP packets where all of them pass: in the node's network namespace, before anything is decided about them. The kernel
 * looks into each one (iptables' `string` match), so a text that was sent in plaintext is found and one that was encrypted is not.
 */
export async function watchWire<Name extends string>(
  nodeNamespace: string,
  looks: Readonly<Record<Name, Look>>,
): Promise<Wire<Name>> {
  const named = Object.entries<Look>(looks);
  const change = async (verb: "-I" | "-D"): Promise<void> => {
    const lines = named.map(([name, look]) => `${verb} PREROUTING ${ruleOf(name, look)}`);
    await load(nodeNamespace, lines);
  };
  await change("-I");
  return {
    async packets() {
      const saved = await inNamespace(nodeNamespace, ["iptables-save", "-c", "-t", "raw"]);
      const counts = named.map(([name]) => {
        const line = saved
          .split("\n")
          .find((text) => text.includes(`--comment ${name} `) || text.endsWith(`--comment ${name}`));
        const count = /^\[(\d+):/.exec(line ?? "")?.[1];
        if (count === undefined) throw new Error(`the rule for ${name} is gone:\n${saved}`);
        return [name, Number(count)] as const;
      });
      return Object.fromEntries(counts) as Record<Name, number>;
    },
    [Symbol.asyncDispose]: () => change("-D"),
  };
}

/** Why packets cannot be looked into here, or false: for `test`'s `skip`. */
export async function whyNoWire(): Promise<string | false> {
  const namespace = `weft-wire-${process.pid}`;
  try {
    await runCommand(["ip", "netns", "add", namespace]);
    await load(namespace, [`-I PREROUTING ${ruleOf("probe", { text: "probe" })}`]);
    return false;
  } catch (error) {
    return `packets cannot be looked into: modprobe -a xt_string xt_comment (${String(error).replaceAll("\n", " ")})`;
  } finally {
    await removeNamespace(namespace);
  }
}

async function load(namespace: string, lines: readonly string[]): Promise<void> {
  const text = ["*raw", ...lines, "COMMIT", ""].join("\n");
  await inNamespace(namespace, ["iptables-restore", "--wait", "10", "--noflush"], text);
}

function ruleOf(name: string, { text, bytes, from, to, without }: Look): string {
  return [
    "-p tcp",
    ...(from === undefined ? [] : [`-s ${from}`]),
    ...(to === undefined ? [] : [`-d ${to}`]),
    ...(without === undefined ? [] : [`! -s ${without} ! -d ${without}`]),
    ...(text === undefined ? [] : [`-m string --algo bm --string ${text}`]),
    ...(bytes === undefined ? [] : [`-m string --algo bm --hex-string "|${bytes}|"`]),
    `-m comment --comment ${name}`,
  ].join(" ");
}
