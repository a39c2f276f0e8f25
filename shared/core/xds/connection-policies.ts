import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { contentHash } from "../canonical.ts";
import type { TrustSet } from "./fast-sets.ts";
import { connectionPolicyPort, inboundChainName, renamedChainName } from "./names.ts";

/**
 * Policies that Envoy asks when a connection opens, and not again: network RBAC, and the trust secret of a server-first port. HTTP's policies are
 * asked for every request and are not among them.
 */

/** Whom such a policy lets in, in words that say nothing but whether two are the same. */
export type Peers = "any" | ReadonlySet<string>;

/** Principal.authenticated without a name, as encoded by rbac.ts. */
const anyone = "2200";

const known = new WeakMap<Uint8Array, Peers>();

/** Of an encoded TypedExtensionConfig with network RBAC, as authorization.ts makes it. Read once for the same bytes. */
export function peersOf(body: Uint8Array): Peers {
  const before = known.get(body);
  if (before !== undefined) return before;
  // typed_config, value, rules, policies, the value of the map's entry, principals
  const principals = within(body, [2, 2, 1, 2, 2, 2]).map((bytes) => Buffer.from(bytes).toString("hex"));
  const peers: Peers = principals.includes(anyone) ? "any" : new Set(principals);
  known.set(body, peers);
  return peers;
}

export function trustedPeers({ names }: TrustSet): Peers {
  return names === "any" ? names : new Set(names.map(({ kind, name }) => `${kind}:${name}`));
}

/**
 * The inbound listener with the chains of these policies under other names, and nothing else changed: Envoy takes them for other chains and ends the
 * connections of those that were there (envoy.md §16 C). `policies`: names of such policies.
 */
export function renameChains(
  listener: Uint8Array,
  policies: readonly string[],
): { readonly version: string; readonly body: Uint8Array } {
  const body = Buffer.from(listener);
  for (const policy of policies) {
    const port = connectionPolicyPort(policy);
    if (port === undefined) throw new Error(`${policy} is no policy of connections`);
    const name = chainNameField(inboundChainName(port));
    const at = body.indexOf(name);
    if (at < 0 || body.includes(name, at + 1)) throw new Error(`the listener has not one chain of ${policy}`);
    chainNameField(renamedChainName(port)).copy(body, at);
  }
  return { version: contentHash(body), body };
}

/** FilterChain.name on the wire. Both names of a chain are equally long, so nothing around it changes. */
function chainNameField(name: string): Buffer {
  return Buffer.concat([Buffer.of((7 << 3) | WireType.LengthDelimited, name.length), Buffer.from(name)]);
}

/** The messages at the end of a path of field numbers. */
function within(bytes: Uint8Array, [field, ...rest]: readonly number[]): readonly Uint8Array[] {
  if (field === undefined) return [bytes];
  const found: Uint8Array[] = [];
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === field && type === WireType.LengthDelimited) found.push(...within(reader.bytes(), rest));
    else reader.skip(type, number);
  }
  return found;
}
