import type { Fault } from "../api-error.ts";
import { at, recordsOf, scalarText, setDefault, textOf } from "../json.ts";
import type { KubernetesObject } from "../object.ts";
import { ageColumn, nameColumn, textColumn } from "../tables/columns.ts";
import { defineKind } from "./define-kind.ts";

/** The first of some, and how many there are more: what fits in a column. */
function some(parts: readonly string[], limit: number): string {
  if (parts.length === 0) return "<unset>";
  const shown = parts.slice(0, limit).join(",");
  return parts.length > limit ? `${shown} + ${parts.length - limit} more...` : shown;
}

function validate(slice: KubernetesObject, old: KubernetesObject | undefined): Fault[] {
  const faults: Fault[] = [];
  const type = slice["addressType"];
  if (type === undefined) {
    faults.push({ field: "addressType", type: "FieldValueRequired", detail: "Required value" });
  } else if (!["IPv4", "IPv6", "FQDN"].includes(textOf(type))) {
    const detail = `Unsupported value: ${JSON.stringify(type)}: supported values: "FQDN", "IPv4", "IPv6"`;
    faults.push({ field: "addressType", type: "FieldValueNotSupported", detail });
  }
  if (old !== undefined && old["addressType"] !== type) {
    const detail = `Invalid value: ${JSON.stringify(type)}: field is immutable`;
    faults.push({ field: "addressType", type: "FieldValueInvalid", detail });
  }
  recordsOf(slice["endpoints"]).forEach((endpoint, index) => {
    const addresses = endpoint["addresses"];
    if (Array.isArray(addresses) && addresses.length > 0) return;
    const detail = "Required value: must contain at least 1 address";
    faults.push({ field: `endpoints[${index}].addresses`, type: "FieldValueRequired", detail });
  });
  return faults;
}

export const endpointSliceKind = defineKind({
  group: "discovery.k8s.io",
  kind: "EndpointSlice",
  plural: "endpointslices",
  columns: [
    nameColumn,
    textColumn("AddressType", (slice) => textOf(slice["addressType"])),
    textColumn("Ports", (slice) =>
      some(
        recordsOf(slice["ports"]).map(({ port }) => scalarText(port) || "*"),
        3,
      ),
    ),
    textColumn("Endpoints", (slice) =>
      some(
        recordsOf(slice["endpoints"]).map((endpoint) => textOf((endpoint["addresses"] as unknown[])[0])),
        3,
      ),
    ),
    ageColumn,
  ],
  behaviour: {
    generation: true,
    prepare(draft) {
      // Neither list is left out when empty: they are null then.
      for (const list of ["endpoints", "ports"]) {
        if (recordsOf(draft[list]).length === 0) draft[list] = null;
      }
      for (const port of recordsOf(draft["ports"])) {
        setDefault(port, "name", "");
        setDefault(port, "protocol", "TCP");
      }
      for (const endpoint of recordsOf(draft["endpoints"])) setDefault(endpoint, "conditions", {});
    },
    validate,
  },
});

/** The Service that a slice belongs to. */
export function serviceNameOf(slice: KubernetesObject): string | undefined {
  const name = at(slice, "metadata", "labels", "kubernetes.io/service-name");
  return typeof name === "string" ? name : undefined;
}
