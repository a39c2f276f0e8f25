import type { ClusterPins } from "../../functions/pin-cluster.ts";
import type { MeshBuildSettings } from "../../shared/core/mesh/build-mesh.ts";
import type { DocumentStore } from "../../shared/ports/document-store.ts";
import type { Head } from "../../shared/store/documents.ts";
import type { Random } from "./random.ts";
import type { Actor, VirtualTime } from "./virtual-time.ts";

/** Somebody who pins and releases clusters and changes the mesh's settings. */
export interface Person {
  /** Freezes, rolls back, releases, or changes the settings. */
  readonly act: (random: Random) => void;
  /** Ends whatever pin stands. */
  readonly release: () => void;
  /** Version of those that are there now. */
  readonly newest: () => Promise<number>;
}

const by = { who: "ann", why: "to see what happens" };

export function createPerson(options: {
  readonly actor: Actor;
  readonly time: VirtualTime;
  readonly cluster: string;
  readonly mesh: string;
  readonly pins: ClusterPins;
  /** Without the wire. */
  readonly documents: DocumentStore;
  readonly head: () => Promise<Head | undefined>;
  readonly note: (what: string) => void;
  readonly releasing: () => void;
  /** Every one that was ever written, by version. */
  readonly settings: Map<number, MeshBuildSettings>;
}): Person {
  const { actor, time, cluster, mesh, pins, documents, head, note, releasing, settings } = options;
  /** As a person is: tried once, and whoever looks sees whether it came true. */
  const tries = (what: string, work: () => Promise<unknown>): void => {
    note(what);
    time.as(actor, () => void work().catch((error: unknown) => note(`${what}: ${String(error)}`)));
  };
  const release = async (): Promise<void> => {
    const pin = (await head())?.pin;
    if (pin === undefined) return;
    releasing();
    await pins.release(cluster, pin.kind, by);
  };
  const rollback = async (random: Random): Promise<void> => {
    const version = (await head())?.version ?? 0;
    if (version < 2) return;
    releasing();
    await pins.rollback(cluster, random.between(1, version - 1), by);
  };
  const change = async (smiSemantics: MeshBuildSettings["smiSemantics"]): Promise<void> => {
    const version = settings.size;
    settings.set(version, { smiSemantics });
    await documents.put("policies", { id: "settings", partition: mesh, body: { version, smiSemantics } });
  };
  return {
    act(random) {
      const what = random.below(5);
      if (what === 0) tries("somebody freezes", () => pins.freeze(cluster, by));
      else if (what === 1) tries("somebody rolls back", () => rollback(random));
      else if (what < 4) tries("somebody releases", release);
      else tries("somebody changes the settings", () => change(random.pick(["osm", "spec"])));
    },
    release: () => tries("somebody releases", release),
    async newest() {
      const stored = await documents.get<{ readonly version: number }>("policies", mesh, "settings");
      return stored?.body.version ?? 0;
    },
  };
}
