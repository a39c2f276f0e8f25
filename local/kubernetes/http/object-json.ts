/** Objects as JSON text, made once for each version of an object and kind. */
import { apiVersionOf, type Kind } from "../kinds/kind.ts";
import type { KubernetesObject } from "../object.ts";

const texts = new WeakMap<Kind, WeakMap<KubernetesObject, string>>();

/** The members of an object without kind and apiVersion, as `{"metadata":…}`. */
function bodyText(kind: Kind, stored: KubernetesObject): string {
  const known = texts.get(kind) ?? new WeakMap<KubernetesObject, string>();
  texts.set(kind, known);
  const present = known.get(stored);
  if (present !== undefined) return present;
  const { kind: _, apiVersion: __, metadata, ...rest } = kind.fromStored(stored);
  const text = JSON.stringify({ metadata, ...rest });
  known.set(stored, text);
  return text;
}

/** @param stored as it lies in the store */
export function objectText(kind: Kind, stored: KubernetesObject): string {
  const type = JSON.stringify({ kind: kind.kind, apiVersion: apiVersionOf(kind) });
  return `${type.slice(0, -1)},${bodyText(kind, stored).slice(1)}`;
}

/** An item of a list: those of built-in kinds come without kind and apiVersion. */
export function itemText(kind: Kind, stored: KubernetesObject): string {
  return kind.custom ? objectText(kind, stored) : bodyText(kind, stored);
}
