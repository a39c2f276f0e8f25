import type { Problem } from "../../shared/core/mesh/problem.ts";
import type { Head, Pin } from "../../shared/store/documents.ts";
import type { LocalHold } from "../autonomous/local-guard.ts";
import { releaseAnnotation } from "../autonomous/release-annotation.ts";
import { publisherLease } from "../publish/lease.ts";

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
  const release = `Release: ${releaseCommand(cluster, pin.kind)}`;
  return [{ code, object: namespaceObject(namespace), message: `Held since ${pin.when}: ${pin.why}. ${release}` }];
}

/** What the gateway's own guard holds while the cloud does not compile: the same problem. */
export function heldLocally(
  hold: LocalHold | undefined,
  { namespace }: Pick<HeldChangesOptions, "namespace">,
): readonly Problem[] {
  if (hold === undefined) return [];
  const message = localHoldText(hold, namespace);
  return [{ code: "mass-withdrawal-held", object: namespaceObject(namespace), message }];
}

/** A hold and both of its ends; its release is one of this outage, so the cloud judges anew. */
export function localHoldText({ id, since, why }: LocalHold, namespace: string): string {
  const release = `kubectl -n ${namespace} annotate lease ${publisherLease} --overwrite ${releaseAnnotation}=${id}`;
  return `Held since ${since}, while the cloud does not answer: ${why}. Ends when the objects are back, or the cloud decides. Release: ${release}`;
}

function namespaceObject(name: string): Problem["object"] {
  return { group: "", kind: "Namespace", namespace: "", name };
}

/** Ends a pin; `$WEFT` is where the functions are. */
export function releaseCommand(cluster: string, kind: Pin["kind"]): string {
  return `curl -d '{"kind":"${kind}","who":"you","why":"agreed"}' $WEFT/api/clusters/${cluster}/release`;
}
