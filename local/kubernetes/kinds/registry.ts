/** All kinds that are served now: the built-in ones and those of the established CustomResourceDefinitions. */
import type { KubernetesObject } from "../object.ts";
import { comparePriority, customKinds } from "./custom-kinds.ts";
import { customResourceDefinitionKind } from "./custom-resource-definition.ts";
import { endpointSliceKind } from "./endpoint-slice.ts";
import { coreEventKind, eventKind } from "./event.ts";
import type { Kind } from "./kind.ts";
import { namespaceKind } from "./namespace.ts";
import { configMapKind, leaseKind, nodeKind, secretKind, serviceAccountKind } from "./plain-kinds.ts";
import { podKind } from "./pod.ts";
import { reviewKinds } from "./review-kinds.ts";
import { serviceKind } from "./service.ts";

const builtIn: readonly Kind[] = [
  configMapKind,
  coreEventKind,
  namespaceKind,
  nodeKind,
  podKind,
  secretKind,
  serviceAccountKind,
  serviceKind,
  customResourceDefinitionKind,
  ...reviewKinds,
  leaseKind,
  endpointSliceKind,
  eventKind,
];

export interface ApiGroup {
  readonly name: string;
  /** Preferred version first. */
  readonly versions: readonly string[];
}

export interface Registry {
  kinds(): readonly Kind[];
  find(group: string, version: string, plural: string): Kind | undefined;
  /** The kinds that one collection is served as, the preferred first. */
  ofCollection(collection: string): readonly Kind[];
  /** Named groups in the order of discovery; the core group is not among them. */
  groups(): readonly ApiGroup[];
  /** Serves the versions of a definition, in place of those that it had. */
  serve(crd: KubernetesObject): void;
  withdraw(crdName: string): void;
  /** Serves built-in kinds only. */
  withdrawAll(): void;
}

export function createRegistry(): Registry {
  const custom = new Map<string, readonly Kind[]>();
  let kinds: readonly Kind[] = builtIn;
  let index = new Map<string, Kind>();
  const rebuild = (): void => {
    kinds = [...builtIn, ...[...custom.values()].flat()];
    index = new Map(kinds.map((kind) => [`${kind.group}/${kind.version}/${kind.plural}`, kind]));
  };
  rebuild();
  return {
    kinds: () => kinds,
    find: (group, version, plural) => index.get(`${group}/${version}/${plural}`),
    ofCollection: (collection) => kinds.filter((kind) => kind.collection === collection),
    groups() {
      const names = new Set(kinds.map(({ group }) => group).filter((group) => group !== ""));
      return [...names].map((name) => {
        const versions = new Set(kinds.filter(({ group }) => group === name).map(({ version }) => version));
        return { name, versions: [...versions].sort((a, b) => comparePriority(b, a)) };
      });
    },
    serve(crd) {
      custom.set(crd.metadata.name, customKinds(crd));
      rebuild();
    },
    withdraw(crdName) {
      if (custom.delete(crdName)) rebuild();
    },
    withdrawAll() {
      custom.clear();
      rebuild();
    },
  };
}
