import type { AccountKey, ClassKey, WorkloadClass } from "../mesh/mesh.ts";
import { type ClassEntry, classValue, type SealedResource, setOfIds } from "../snapshot/snapshot.ts";
import type { Trie } from "../trie/trie.ts";
import { inboundListeners } from "../xds/inbound.ts";
import { outsideListeners } from "../xds/listeners.ts";
import type { IpFamily } from "../xds/names.ts";
import type { Resource, ResourceId } from "../xds/resource.ts";
import { createResourcePool, type TranslationContext } from "../xds/resource-pool.ts";
import { commonResources, upstreamPort } from "../xds/translate.ts";
import type { Derivations, Derived, Input } from "./derivations.ts";
import { type DerivedMesh, parsePortText, parseRoute } from "./derived-mesh.ts";
import type { Holder, OpenSnapshot } from "./open-snapshot.ts";
import { isSameList } from "./places.ts";

/**
 * The views of all classes, list by list, each derived from the part of the mesh that it is of: what xds/translate.ts says of one class of a whole mesh. A list
 * that classes share is made once, for those families of addresses; lists go to the snapshot as they come, change and go.
 */
export function deriveViews({
  derivations,
  mesh,
  snapshot,
  classes,
}: Part & {
  /** The classes that the snapshot has, of those of the mesh. */
  readonly classes: Input<unknown>;
}): void {
  const context: TranslationContext = { index: mesh, pool: snapshot.pool };
  const close = closeOver(mesh);
  const isPermissive = mesh.settings.mode === "permissive";
  const lists = deriveLists({ derivations, mesh, snapshot, context, close, isPermissive });
  const families = isPermissive ? keepEveryone(derivations, mesh, lists) : undefined;
  const shared = isPermissive ? undefined : deriveShared({ derivations, mesh, snapshot, lists });

  const own = derivations.derive(
    (key): readonly SealedResource[] | undefined => {
      const workload = mesh.workload(key);
      return workload && close(inboundListeners(context, workload));
    },
    {
      same: isSameList,
      changed: ({ before = [], after = [] }) => snapshot.hold("own", before.map(idOf), after.map(idOf)),
    },
  );

  const entries = derivations.derive(
    (key): KeyedEntry | undefined => {
      const workload = mesh.workload(key);
      if (workload === undefined) return undefined;
      const name = nameOf(workload.ipFamilies);
      const text = classValue(
        (own(key) ?? []).map(({ id, version }) => [id, version]),
        shared === undefined ? { everyone: name } : sharedEntry(shared(`${workload.account} ${name}`)),
      );
      return { key: workload.key, families: name, text };
    },
    {
      same: (before, after) => before.key === after.key && before.text === after.text,
      changed: ({ before, after }) => {
        if (before?.families !== after?.families) families?.change(before?.families, after?.families);
        if (before !== undefined && before.key !== after?.key) snapshot.setClass(before.key, undefined);
        if (after !== undefined) snapshot.setClass(after.key, after.text);
      },
    },
  );
  derivations.keep(classes, entries);
}

interface KeyedEntry {
  readonly key: ClassKey;
  readonly families: string;
  readonly text: string;
}

/** Families of addresses as one word, and back. */
function nameOf(families: WorkloadClass["ipFamilies"]): string {
  return families.join("+");
}

function familiesIn(name: string): readonly IpFamily[] {
  return name === "" ? [] : (name.split("+") as IpFamily[]);
}

/** Ids of resources by what they are of; `*`: of whoever is behind the port. So who reads a list does not depend on what the resources say. */
interface Lists {
  readonly common: Derived<readonly ResourceId[]>;
  /** Key: Service, families. */
  readonly outside: Derived<readonly ResourceId[]>;
  /** Key: port, accounts, families. */
  readonly upstream: Derived<readonly ResourceId[]>;
}

interface Part {
  readonly derivations: Derivations;
  readonly mesh: DerivedMesh;
  readonly snapshot: OpenSnapshot;
}

function deriveLists({
  derivations,
  mesh,
  snapshot,
  context,
  close,
  isPermissive,
}: Part & { readonly context: TranslationContext; readonly close: Close; readonly isPermissive: boolean }): Lists {
  const list = (make: (parts: readonly string[]) => readonly Resource[]): Derived<readonly ResourceId[]> =>
    derivations.derive((key) => close(make(key.split(" "))).map(idOf), {
      same: isSameList,
      changed: ({ key, before = [], after = [] }) => {
        const holder: Holder = isPermissive ? { everyone: key.slice(key.lastIndexOf(" ") + 1) } : "some";
        snapshot.hold(holder, before, after);
      },
    });
  return {
    common: list(([families = ""]) => commonResources(context, familiesIn(families))),
    outside: list(([key = "", families = ""]) => {
      const service = mesh.outside(key);
      return service === undefined ? [] : outsideListeners(context, service, familiesIn(families));
    }),
    upstream: list(([text = "", accounts = "", families = ""]) => {
      const { service, port } = parsePortText(text);
      const reach = accounts === "*" ? "everyone" : new Set(accounts.split(",") as AccountKey[]);
      return upstreamPort(context, mesh.port({ service, port }), { reach, ipFamilies: familiesIn(families) });
    }),
  };
}

/** In permissive mode: every list for every combination of families that some class has. */
function keepEveryone(derivations: Derivations, mesh: DerivedMesh, lists: Lists) {
  const counts = new Map<string, number>();
  const inUse = derivations.input<boolean>();
  const names = derivations.input<readonly string[]>();
  const forAll = (make: (families: string) => void): undefined => {
    for (const families of names.read("") ?? []) make(families);
  };
  derivations.keep(
    mesh.services,
    derivations.derive((key) =>
      forAll((families) => {
        for (const { port } of mesh.ports(key)) lists.upstream(`${key}:${port.port} * ${families}`);
      }),
    ),
  );
  derivations.keep(
    mesh.outsiders,
    derivations.derive((key) => forAll((families) => lists.outside(`${key} ${families}`))),
  );
  derivations.keep(
    inUse,
    derivations.derive((families) => void lists.common(families)),
  );
  const count = (families: string | undefined, by: 1 | -1): void => {
    if (families === undefined) return;
    const left = (counts.get(families) ?? 0) + by;
    counts.set(families, left);
    if (left === 0) counts.delete(families);
    inUse.set(families, left === 0 ? undefined : true);
    const all = [...inUse.keys()].sort();
    if (!isSameList(names.read("") ?? [], all)) names.set("", all);
  };
  return {
    change(before: string | undefined, after: string | undefined): void {
      count(after, 1);
      count(before, -1);
    },
  };
}

/** Ids, sorted, or a set of many. */
interface Shared {
  readonly ids: readonly ResourceId[];
  readonly set: Trie | undefined;
}

function sharedEntry({ ids, set }: Shared): ClassEntry["shared"] {
  return set === undefined ? { ids } : { set: set.root };
}

/** In enforced mode: the ids of what an account's classes of some families share with others. Key: account, families. */
function deriveShared({ derivations, mesh, snapshot, lists }: Part & { readonly lists: Lists }): Derived<Shared> {
  const outsiders = derivations.gather(mesh.outsiders, mesh.outside, (service) =>
    service === undefined ? [] : [["", service.key] as const],
  );
  const outsideIds = derivations.derive(
    (families) => outsiders("").flatMap((key) => lists.outside(`${key} ${families}`)),
    {
      same: isSameList,
    },
  );
  return derivations.derive(
    (key) => {
      const [account = "", families = ""] = key.split(" ");
      const ids = [...lists.common(families), ...outsideIds(families)];
      const reach = mesh.reachOf(account);
      const routes = new Set<string>();
      for (const target of reach) for (const route of mesh.routesTo(target)) routes.add(route);
      for (const route of routes) {
        const { port, accounts } = parseRoute(route);
        const reached = accounts.filter((target) => reach.has(target));
        ids.push(...lists.upstream(`${port} ${reached.join(",")} ${families}`));
      }
      // What leads to one backend from several ports comes several times.
      const sorted = ids.sort().filter((id, position) => id !== ids[position - 1]);
      assertOneOfEach(key, sorted);
      const set = setOfIds(sorted);
      return set === undefined ? { ids: sorted, set } : { ids: [], set };
    },
    {
      same: (before, after) => before.set?.root === after.set?.root && isSameList(before.ids, after.ids),
      changed: ({ before, after }) => snapshot.nameSet(before?.set, after?.set),
    },
  );
}

/** One view cannot hold two variants of one name. */
function assertOneOfEach(key: string, sorted: readonly ResourceId[]): void {
  let before = "";
  for (const id of sorted) {
    const name = id.slice(0, id.lastIndexOf("|"));
    if (name === before) throw new Error(`the classes of ${key} have two resources ${name}`);
    before = name;
  }
}

function idOf({ id }: SealedResource): ResourceId {
  return id;
}

type Close = (resources: readonly Resource[]) => readonly SealedResource[];

/** The list without repeats. Throws when it names what neither it nor every class has: that is our fault, never a user's. */
function closeOver(mesh: DerivedMesh): Close {
  const common = commonResources({ index: mesh, pool: createResourcePool() }, ["IPv4", "IPv6"]);
  return (resources) => {
    for (const { type, name, references } of resources) {
      const missing = references.find((reference) => !isAmong(resources, reference) && !isAmong(common, reference));
      if (missing !== undefined)
        throw new Error(`${type}|${name} names ${missing.type}|${missing.name}, which is not there`);
    }
    // The snapshot's own pool made them, so they are sealed.
    const once = resources.filter((resource, position) => resources.indexOf(resource) === position);
    return once as readonly Resource[] as readonly SealedResource[];
  };
}

/** Lists are short. */
function isAmong(resources: readonly Resource[], { type, name }: Resource["references"][number]): boolean {
  return resources.some((resource) => resource.name === name && resource.type === type);
}
