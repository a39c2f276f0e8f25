import { randomUUID } from "node:crypto";
import type { Container } from "@azure/cosmos";

/** The claim of one host on one range of a container, kept in the lease container (spec/azure.md §6.4). */
export interface Lease {
  /** Where to go on; `undefined` when nothing was read yet. */
  readonly continuation: string | undefined;
  /** Keeps the claim, and moves the place when one is given. `false` when another host has the lease now. */
  keep(continuation: string | undefined): Promise<boolean>;
  /** Gives the claim up, so that the next host need not wait until it expires. */
  release(): Promise<void>;
}

export interface LeaseOptions {
  readonly container: Container;
  /** The document's id, which is also its partition key. */
  readonly id: string;
  readonly owner: string;
  /** Milliseconds after which a claim that was not kept is free for others. */
  readonly expiresAfter: number;
  readonly now: () => number;
}

interface LeaseDocument {
  readonly id: string;
  readonly owner: string;
  readonly continuation?: string;
  /** Milliseconds since the epoch. */
  readonly renewed: number;
  readonly _etag?: string;
}

/** A name for a host that owns leases. Every start has a new one, so a killed host's leases must expire first, as on the platform. */
export function createOwner(): string {
  return randomUUID();
}

/** Takes a lease, `undefined` while another host holds it. Two that try at once are told apart by the document's ETag. */
export async function acquireLease(options: LeaseOptions): Promise<Lease | undefined> {
  const { container, id, owner, now } = options;
  const found = (await container.item(id, id).read<LeaseDocument>()).resource;
  if (
    found !== undefined &&
    found.owner !== "" &&
    found.owner !== owner &&
    now() - found.renewed < options.expiresAfter
  ) {
    return undefined;
  }
  let current: LeaseDocument | undefined = found;

  /** Writes the document against the version last seen; `false` when somebody else wrote meanwhile. */
  const write = async (nextOwner: string, continuation: string | undefined): Promise<boolean> => {
    const next = { id, owner: nextOwner, renewed: now(), ...(continuation === undefined ? {} : { continuation }) };
    try {
      const { resource } =
        current === undefined
          ? await container.items.create<LeaseDocument>(next)
          : await container.item(id, id).replace<LeaseDocument>(next, {
              accessCondition: { type: "IfMatch", condition: current._etag ?? "" },
            });
      current = resource ?? next;
      return true;
    } catch (thrown) {
      if (isConflict(thrown)) return false;
      throw thrown;
    }
  };
  if (!(await write(owner, found?.continuation))) return undefined;
  return {
    continuation: found?.continuation,
    keep: (continuation) => write(owner, continuation ?? current?.continuation),
    async release() {
      await write("", current?.continuation);
    },
  };
}

/** 409: created meanwhile; 412: changed meanwhile; 404: deleted meanwhile. */
function isConflict(thrown: unknown): boolean {
  const code = typeof thrown === "object" && thrown !== null && "code" in thrown ? thrown.code : undefined;
  return code === 409 || code === 412 || code === 404;
}
