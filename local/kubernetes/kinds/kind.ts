/** A served kind: how it is named, stored, checked, shown. */
import type { Fault } from "../api-error.ts";
import type { KubernetesObject } from "../object.ts";
import type { Schema } from "../schema/schema.ts";
import type { ObjectStore } from "../store/object-store.ts";
import type { ServiceAddresses } from "./service-addresses.ts";

/** A cell's value; kubectl prints it as it is. */
export type Cell = string | number | boolean | null;

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  /** 0 is always shown, higher ones with `-o wide`. */
  readonly priority?: number;
  /** @param now milliseconds since 1970, for ages */
  cell(object: KubernetesObject, now: number): Cell;
}

/** What a kind may see of the server while it fills in and checks its objects. */
export interface Surroundings {
  readonly store: Pick<ObjectStore, "list">;
  readonly serviceAddresses: ServiceAddresses;
}

/** What is special about a kind. Drafts are private copies and may be changed. */
export interface Behaviour {
  /** PUT without a resourceVersion overwrites. */
  readonly unconditionalUpdate?: boolean;
  /** PUT of a missing object creates it. */
  readonly createOnUpdate?: boolean;
  /** metadata.generation counts changes of the spec. */
  readonly generation?: boolean;
  readonly nameForm?: "subdomain" | "label";
  /** Fields, besides name and namespace, that a field selector may name. */
  readonly selectableFields?: readonly string[];
  /** Fills in defaults and what the server decides; on create and on update. */
  prepare?(draft: KubernetesObject, old: KubernetesObject | undefined, world: Surroundings): void;
  validate?(object: KubernetesObject, old: KubernetesObject | undefined, world: Surroundings): readonly Fault[];
  /** Put on an object in deletion, for the controller that empties it to take off again. */
  readonly cleanupFinalizers?: readonly string[];
  /** Seconds between the wish to delete and the deletion. */
  gracePeriod?(object: KubernetesObject, requested: number | undefined): number;
}

export interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** The collection of the store that holds it: "PLURAL.GROUP" of the stored kind. */
  readonly collection: string;
  readonly verbs: readonly string[];
  readonly hasStatus: boolean;
  /** Told to everybody who uses a version that will go. */
  readonly deprecation?: string;
  /** Defined by a CustomResourceDefinition. */
  readonly custom: boolean;
  readonly schema: Schema;
  readonly columns: readonly Column[];
  readonly behaviour: Behaviour;
  /** From this version's shape to the stored one, and back. */
  toStored(object: KubernetesObject): KubernetesObject;
  fromStored(object: KubernetesObject): KubernetesObject;
}

export const everyVerb = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"] as const;

/** "v1" or "apps/v1". */
export function apiVersionOf({ group, version }: { group: string; version: string }): string {
  return group === "" ? version : `${group}/${version}`;
}

export function collectionName(group: string, plural: string): string {
  return group === "" ? plural : `${plural}.${group}`;
}
