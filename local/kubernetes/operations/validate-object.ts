/** What every object must keep to, whatever its kind. */
import type { Fault } from "../api-error.ts";
import { invalid } from "../api-error.ts";
import type { Kind } from "../kinds/kind.ts";
import type { KubernetesObject, OwnerReference } from "../object.ts";
import { validate } from "../schema/validate.ts";
import type { World } from "../world.ts";

const label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const nameForms = {
  subdomain: {
    form: new RegExp(`^${label}(\\.${label})*$`),
    longest: 253,
    words:
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
  },
  label: {
    form: new RegExp(`^${label}$`),
    longest: 63,
    words:
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  },
} as const;

const labelKey = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const valueWords =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const keyWords =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

const standardFinalizers = ["kubernetes", "orphan", "foregroundDeletion"];

const wrong = (field: string, value: unknown, why: string): Fault => ({
  field,
  type: "FieldValueInvalid",
  detail: `Invalid value: ${JSON.stringify(value)}: ${why}`,
});

function nameFaults(name: string, kind: Kind): Fault[] {
  if (name === "") {
    const detail = "Required value: name or generateName is required";
    return [{ field: "metadata.name", type: "FieldValueRequired", detail }];
  }
  const { form, longest, words } = nameForms[kind.behaviour.nameForm ?? "subdomain"];
  if (name.length > longest) return [wrong("metadata.name", name, `must be no more than ${longest} characters`)];
  if (form === nameForms.label.form && name.includes("."))
    return [wrong("metadata.name", name, "must not contain dots")];
  return form.test(name) ? [] : [wrong("metadata.name", name, words)];
}

function metadataFaults({ metadata }: KubernetesObject, kind: Kind): Fault[] {
  const faults = nameFaults(metadata.name, kind);
  (metadata.finalizers ?? []).forEach((name, index) => {
    if (name.includes("/") || standardFinalizers.includes(name)) return;
    const why = "name is neither a standard finalizer name nor is it fully qualified";
    faults.push(wrong(`metadata.finalizers[${index}]`, name, why));
  });
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    if (!labelKey.test(key)) faults.push(wrong("metadata.labels", key, keyWords));
    if (!labelValue.test(value)) faults.push(wrong("metadata.labels", value, valueWords));
  }
  for (const key of Object.keys(metadata.annotations ?? {})) {
    if (!labelKey.test(key.toLowerCase())) faults.push(wrong("metadata.annotations", key, keyWords));
  }
  const size = Object.entries(metadata.annotations ?? {}).reduce(
    (sum, [key, value]) => sum + key.length + value.length,
    0,
  );
  if (size > 256 * 1024) {
    const detail = "Too long: may not be more than 262144 bytes";
    faults.push({ field: "metadata.annotations", type: "FieldValueTooLong", detail });
  }
  faults.push(...ownerFaults(metadata.ownerReferences ?? []));
  return faults;
}

function ownerFaults(owners: readonly OwnerReference[]): Fault[] {
  const faults: Fault[] = [];
  for (const owner of owners) {
    for (const part of ["apiVersion", "kind", "name", "uid"]) {
      if (owner[part]) continue;
      const detail = 'Invalid value: "": must not be empty';
      faults.push({ field: `metadata.ownerReferences.${part}`, type: "FieldValueInvalid", detail });
    }
    if (owner.kind === "Event" && owner.apiVersion === "v1")
      faults.push(wrong("metadata.ownerReferences", owner, "/v1, Kind=Event is disallowed from being an owner"));
  }
  const [one, other] = owners.filter(({ controller }) => controller === true);
  if (one !== undefined && other !== undefined) {
    const why = `Only one reference can have Controller set to true. Found "true" in references for ${one.kind}/${one.name} and ${other.kind}/${other.name}`;
    faults.push(wrong("metadata.ownerReferences", owners, why));
  }
  return faults;
}

/** Throws `Invalid` with every fault of the object. */
export function checkObject(
  world: World,
  kind: Kind,
  { object, old }: { object: KubernetesObject; old: KubernetesObject | undefined },
): void {
  const { metadata, ...rest } = object;
  const faults = [
    ...metadataFaults(object, kind),
    ...(kind.custom ? validate({ ...rest, metadata }, withoutMetadata(kind), "") : []),
    ...(kind.behaviour.validate?.(object, old, world) ?? []),
  ];
  if (faults.length > 0) throw invalid(kind, metadata.name, faults);
}

/** A definition's own words about metadata (only name and generateName may be restricted) are not looked at. */
function withoutMetadata({ schema }: Kind): Kind["schema"] {
  const { metadata: _, ...properties } = schema.properties ?? {};
  return { ...schema, properties, required: (schema.required ?? []).filter((key) => key !== "metadata") };
}
