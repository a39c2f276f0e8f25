/** Definitions of built-in kinds, with what is usual filled in. */
import { coreSchema } from "../schema/schema.ts";
import { type Behaviour, type Column, collectionName, everyVerb, type Kind } from "./kind.ts";

interface KindDefinition {
  readonly group?: string;
  readonly kind: string;
  readonly plural: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly clusterScoped?: boolean;
  readonly hasStatus?: boolean;
  readonly verbs?: readonly string[];
  readonly collection?: string;
  readonly columns: readonly Column[];
  readonly behaviour?: Behaviour;
  readonly toStored?: Kind["toStored"];
  readonly fromStored?: Kind["fromStored"];
}

export function defineKind(definition: KindDefinition): Kind {
  const group = definition.group ?? "";
  return {
    group,
    version: "v1",
    kind: definition.kind,
    listKind: `${definition.kind}List`,
    plural: definition.plural,
    singular: definition.kind.toLowerCase(),
    shortNames: definition.shortNames ?? [],
    categories: definition.categories ?? [],
    namespaced: !definition.clusterScoped,
    collection: definition.collection ?? collectionName(group, definition.plural),
    verbs: definition.verbs ?? everyVerb,
    hasStatus: definition.hasStatus ?? false,
    custom: false,
    schema: coreSchema(group, "v1", definition.kind),
    columns: definition.columns,
    behaviour: { unconditionalUpdate: true, ...definition.behaviour },
    toStored: definition.toStored ?? ((object) => object),
    fromStored: definition.fromStored ?? ((object) => object),
  };
}
