/** Which objects a list, a watch or a deletion of many is about. */
import { badRequest } from "../api-error.ts";
import type { Kind } from "../kinds/kind.ts";
import type { KubernetesObject } from "../object.ts";
import { parseFieldSelector } from "../selectors/field-selector.ts";
import { parseLabelSelector } from "../selectors/label-selector.ts";

export interface Selection {
  readonly kind: Kind;
  /** undefined: all namespaces */
  readonly namespace: string | undefined;
  /** @param stored as it lies in the store */
  matches(stored: KubernetesObject): boolean;
}

/** @param name restricts the selection to one object */
export function parseSelection(
  target: { kind: Kind; namespace: string | undefined; name: string | undefined },
  query: URLSearchParams,
): Selection {
  const { kind, namespace, name } = target;
  const labels = query.get("labelSelector") ?? "";
  const fields = query.get("fieldSelector") ?? "";
  const byLabels = labels === "" ? undefined : parseLabelSelector(labels);
  const byFields = fields === "" ? undefined : parseFieldSelector(fields, kind.behaviour.selectableFields ?? []);
  return {
    kind,
    namespace,
    matches(stored) {
      const { metadata } = stored;
      if (namespace !== undefined && metadata.namespace !== namespace) return false;
      if (name !== undefined && metadata.name !== name) return false;
      if (byLabels !== undefined && !byLabels(metadata.labels ?? {})) return false;
      return byFields === undefined || byFields(kind.fromStored(stored));
    },
  };
}

/** A whole number from the query; undefined when it is missing. Throws BadRequest. */
export function numberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  if (!/^-?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Math.max(0, Number(text));
}

/** The query's resourceVersion; undefined when it is missing. Throws BadRequest. */
export function revisionOf(query: URLSearchParams): number | undefined {
  const text = query.get("resourceVersion");
  if (text === null || text === "") return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  const given = JSON.stringify(text);
  throw badRequest(
    `invalid resource version: resourceVersion: Invalid value: ${given}: strconv.ParseUint: parsing ${given}: invalid syntax`,
  );
}

export function isTrue(query: URLSearchParams, name: string): boolean {
  const text = query.get(name);
  return text === "" || text === "true" || text === "1";
}
