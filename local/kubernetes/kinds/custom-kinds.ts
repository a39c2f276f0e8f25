/** The kinds that a CustomResourceDefinition defines: one for each served version. */
import { at, type JsonRecord, listOf, recordOf, recordsOf, textOf } from "../json.ts";
import type { KubernetesObject } from "../object.ts";
import { applyDefaults } from "../schema/default.ts";
import { prune } from "../schema/prune.ts";
import type { Schema } from "../schema/schema.ts";
import { ageColumn, nameColumn } from "../tables/columns.ts";
import { ageOf } from "../tables/human-duration.ts";
import { compileJsonPath } from "../tables/json-path.ts";
import { apiVersionOf, type Cell, type Column, collectionName, everyVerb, type Kind } from "./kind.ts";

/** Of several values the first is shown. */
function cellOf(values: readonly unknown[], type: string, now: number): Cell {
  const [first] = values;
  if (first === undefined || first === null) return type === "date" ? "<unknown>" : null;
  switch (type) {
    case "integer":
    case "number":
      return typeof first === "number" ? first : null;
    case "boolean":
      return typeof first === "boolean" ? first : null;
    case "date":
      return ageOf(first, now);
    default:
      return typeof first === "string" ? first : JSON.stringify(first);
  }
}

function columnsOf(version: JsonRecord): readonly Column[] {
  const declared = recordsOf(version["additionalPrinterColumns"]);
  if (declared.length === 0) return [nameColumn, ageColumn];
  const columns = declared.map((column): Column => {
    const read = compileJsonPath(textOf(column["jsonPath"]));
    const type = textOf(column["type"]);
    return {
      name: textOf(column["name"]),
      type,
      format: textOf(column["format"]),
      description: textOf(column["description"]),
      priority: Number(column["priority"] ?? 0),
      cell: (object, now) => cellOf(read(object), type, now),
    };
  });
  return [nameColumn, ...columns];
}

/**
 * The kinds of a definition, newest version first. Nothing is converted between versions but the apiVersion; each
 * version prunes and fills in defaults by its own schema, on the way out too.
 */
export function customKinds(crd: KubernetesObject): readonly Kind[] {
  const spec = recordOf(crd["spec"]);
  const names = recordOf(spec["names"]);
  const group = textOf(spec["group"]);
  const versions = recordsOf(spec["versions"]);
  const storage = textOf(versions.find((version) => version["storage"] === true)?.["name"]);
  const collection = collectionName(group, textOf(names["plural"]));
  return versions
    .filter((version) => version["served"] === true)
    .map((version): Kind => {
      const name = textOf(version["name"]);
      const schema = recordOf(at(version, "schema", "openAPIV3Schema")) as Schema;
      return {
        group,
        version: name,
        kind: textOf(names["kind"]),
        listKind: textOf(names["listKind"]),
        plural: textOf(names["plural"]),
        singular: textOf(names["singular"]),
        shortNames: listOf(names["shortNames"]).map(textOf),
        categories: listOf(names["categories"]).map(textOf),
        namespaced: spec["scope"] === "Namespaced",
        collection,
        verbs: everyVerb,
        hasStatus: at(version, "subresources", "status") !== undefined,
        custom: true,
        ...(version["deprecated"] === true ? { deprecation: deprecationOf(spec, version) } : {}),
        schema,
        columns: columnsOf(version),
        behaviour: {
          generation: true,
          selectableFields: recordsOf(version["selectableFields"]).map(({ jsonPath }) => textOf(jsonPath).slice(1)),
        },
        toStored: (object) => ({ ...object, apiVersion: apiVersionOf({ group, version: storage }) }),
        fromStored: (object) => asVersion(object, apiVersionOf({ group, version: name }), schema),
      };
    })
    .sort((a, b) => comparePriority(b.version, a.version));
}

function deprecationOf(spec: Readonly<JsonRecord>, version: JsonRecord): string {
  const own = textOf(version["deprecationWarning"]);
  return (
    own || `${textOf(spec["group"])}/${textOf(version["name"])} ${textOf(at(spec, "names", "kind"))} is deprecated`
  );
}

function asVersion(object: KubernetesObject, apiVersion: string, schema: Schema): KubernetesObject {
  const { object: pruned } = prune({ ...object, apiVersion }, schema, { dropNull: false });
  const copy = structuredClone(pruned);
  applyDefaults(copy, schema);
  return copy as unknown as KubernetesObject;
}

/** Stage, major and minor part of a version's name; zeros for one of another form. */
function weightOf(version: string): readonly number[] {
  const found = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (found === null) return [0, 0, 0];
  const stage = found[2] === undefined ? 3 : found[2] === "beta" ? 2 : 1;
  return [stage, Number(found[1]), Number(found[3] ?? 0)];
}

/** Kubernetes' order of versions: v2 > v1 > v1beta2 > v1beta1 > v1alpha1 > anything else. */
export function comparePriority(a: string, b: string): number {
  const left = weightOf(a);
  const right = weightOf(b);
  const place = left.findIndex((part, index) => part !== right[index]);
  return place < 0 ? 0 : (left[place] ?? 0) - (right[place] ?? 0);
}
