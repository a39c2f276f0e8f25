import type { Problem } from "../../shared/core/mesh/problem.ts";
import type { Head, Pin } from "../../shared/store/documents.ts";

export interface HeldChangesOptions {
  readonly cluster: string;
  /** Where the gateway runs: there is no object whose change a list or a policy that lacks most of a kind would be. */
  readonly namespace: string;
}

/** What a guard holds, as a problem on the gateway's own namespace. A person's pin is none: whoever set it knows. */
export function heldChanges(pin: Head["pin"], { cluster, namespace }: HeldChangesOptions): readonly Problem[] {
  if (pin?.kind !== "hold") return [];
  const code =
    pin.missing === undefined && pin.lost === undefined && pin.lower === true
      ? "older-inputs-held"
      : "mass-withdrawal-held";
  const object = { group: "", kind: "Namespace", namespace: "", name: namespace };
  return [
    { code, object, message: `Held since ${pin.when}: ${pin.why}. Release: ${releaseCommand(cluster, pin.kind)}` },
  ];
}

/** Ends a pin; `$WEFT` is where the functions are. */
export function releaseCommand(cluster: string, kind: Pin["kind"]): string {
  return `curl -d '{"kind":"${kind}","who":"you","why":"agreed"}' $WEFT/api/clusters/${cluster}/release`;
}
