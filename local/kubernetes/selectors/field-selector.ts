/** Field selectors: a few fields of each kind, compared as text. */
import { badRequest } from "../api-error.ts";
import { at, scalarText } from "../json.ts";
import type { KubernetesObject } from "../object.ts";

export type FieldSelector = (object: KubernetesObject) => boolean;

const everywhere = ["metadata.name", "metadata.namespace"];

/** A field's value as text; what is missing is "". */
function fieldText(object: KubernetesObject, field: string): string {
  return scalarText(at(object, ...field.split(".")));
}

/**
 * Parses "metadata.name=a,status.phase!=Running"; an empty text selects everything.
 *
 * @param fields the kind's own fields, besides name and namespace
 * @throws BadRequest for a field that the kind does not offer
 */
export function parseFieldSelector(text: string, fields: readonly string[]): FieldSelector {
  const requirements = text
    .split(",")
    .filter((part) => part.trim() !== "")
    .map((part) => {
      const found = /^\s*([^=!\s]+)\s*(==|=|!=)\s*(.*?)\s*$/.exec(part);
      if (found?.[1] === undefined || found[3] === undefined) {
        throw badRequest(`invalid field selector: ${JSON.stringify(part)}; can't understand '${part}'`);
      }
      if (!everywhere.includes(found[1]) && !fields.includes(found[1])) {
        if (fields.length > 0) throw badRequest(`field label not supported: ${found[1]}`);
        const known = everywhere.map((field) => JSON.stringify(field)).join(", ");
        throw badRequest(`${JSON.stringify(found[1])} is not a known field selector: only ${known}`);
      }
      return { field: found[1], equal: found[2] !== "!=", value: found[3] };
    });
  return (object) => requirements.every(({ field, equal, value }) => (fieldText(object, field) === value) === equal);
}
