import { compareObjectKeys, type ObjectKey } from "../object.ts";

/** Every code, with what it means to its reader and what mends it. `docs/problems.md` is written from this table. */
export const problemCatalogue = {
  "object-unreadable":
    "The object could not be read as its kind; nothing is taken from it, and rules that need it stay closed. Correct the named field.",
  "object-refused":
    "The object is too large or malformed to be sent; nothing is taken from it, and rules that need it stay closed. Make it smaller, or correct it.",
  "protocol-unsupported":
    "The port names a protocol the mesh does not speak; the port is left out. Set appProtocol to http, grpc, tcp or tcp-server-first.",
  "protocol-conflict":
    "Two Service ports give one target port different protocols; that of the oldest Service is spoken. Make them agree, or give each a target port of its own.",
  "address-conflict":
    "Another, older Service already has this address and port; this one is not reached at the address. Delete one of the two, or give it another address.",
  "route-group-not-found":
    "The rule names an HTTPRouteGroup or TCPRoute that does not exist in this namespace or cannot be read; the rule gives nothing. Create or correct it, or name another.",
  "route-match-not-found":
    "The rule names a match that its HTTPRouteGroup does not have; that name gives nothing. Correct the name, or add the match to the group.",
  "route-match-missing":
    "The rule names no matches, which gives nothing (as in OSM). List the matches of the HTTPRouteGroup by name in `matches`.",
  "route-kind-unsupported":
    "The rule refers to a kind that the mesh does not enforce; the rule gives nothing. Use HTTPRouteGroup or, in a TrafficTarget, TCPRoute.",
  "regex-invalid":
    "The expression is not valid RE2; the match gives nothing. Correct it: RE2 has no look-around and no back-references.",
  "target-namespace-mismatch":
    "A TrafficTarget must stand in the namespace of its destination; it gives nothing. Move it there, or correct spec.destination.namespace.",
  "account-kind-unsupported":
    "Sources and destinations must be of the kind ServiceAccount; this one gives nothing. Name the account that the pods run as.",
  "sources-missing":
    "The TrafficTarget names no source; it gives nothing. List at least one ServiceAccount in spec.sources.",
  "rules-missing":
    "The TrafficTarget has no rule; it gives nothing. List at least one HTTPRouteGroup or TCPRoute in spec.rules.",
  "backend-not-found":
    "The split names a Service that does not exist (yet) in its namespace; the backend gets no traffic, the others share its part. Create the Service.",
  "backend-port-missing":
    "The backend does not have a port of the root Service; it gets no traffic on that port, the others share its part. Add a port of the same number to the backend.",
  "backend-protocol-differs":
    "Root and backend give the same port different protocols; clients go by the root’s, the pods by the backend’s. Make them agree.",
  "backend-weight-invalid": "A weight must be a whole number from 0 to 1000000; this one counts as 0. Correct it.",
  "split-root-not-found":
    "The split names a root Service that does not exist in its namespace; the split has no effect. Create the Service, or correct spec.service.",
  "split-conflict":
    "An older TrafficSplit already splits this Service; this one has no effect. Merge the two, or give one of them matches.",
  "split-weights-zero":
    "No backend that can be used has a weight above 0: nobody is eligible, requests get 503 and connections are closed. Give one a weight.",
  "split-matches-on-tcp":
    "The split has HTTP matches but the port is TCP; the split has no effect on that port. Set the port’s protocol, or take the matches out.",
  "split-self-backend":
    "The root Service is its own backend; it stands for the root’s own endpoints and is not split again. To be understood by every mesh, use a Service of its own.",
  "meshconfig-value-invalid":
    "A MeshConfig value cannot be used; the one that the message names stands in its place. Correct it.",
  "endpoint-without-sidecar":
    "A pod or address behind the Service has no sidecar, so it cannot prove who it is and gets no traffic from the mesh. Let its namespace be injected and start the pod anew, or take it out of the selector.",
  "rejected-by-proxy":
    "A proxy refused configuration made from this object; it stays on the last good version. Undo the last change of the object, and report the message.",
  "mass-withdrawal-held":
    "More than half of a kind went without anybody having deleted it, or would be lost by another translator or fleet policy; what was served before stays in force. Restore what is missing, or agree to its loss by releasing the hold with the command in the message. While the cloud is away the gateway holds it itself; then the release counts for that outage, and the cloud asks again.",
  "older-inputs-held":
    "The settings or the fleet policy are older than those that are served; what was served before stays in force. Restore the newer ones, or agree by releasing the hold.",
} as const satisfies Readonly<Record<string, string>>;

export type ProblemCode = keyof typeof problemCatalogue;

/** A user's mistake: a value, attached to the object it concerns; the rest of the mesh still compiles (style.md §5.6). */
export interface Problem {
  readonly code: ProblemCode;
  readonly object: ObjectKey;
  /** What is wrong and where, in one sentence, with the field's path and the offending value. */
  readonly message: string;
}

/** Sorted by object, code, message, without repeats: the order of discovery must not show. */
export function sortProblems(problems: readonly Problem[]): readonly Problem[] {
  const sorted = problems.toSorted(
    (a, b) => compareObjectKeys(a.object, b.object) || compareText(a.code, b.code) || compareText(a.message, b.message),
  );
  return sorted.filter((problem, index) => {
    const previous = sorted[index - 1];
    return (
      previous === undefined ||
      previous.code !== problem.code ||
      previous.message !== problem.message ||
      compareObjectKeys(previous.object, problem.object) !== 0
    );
  });
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
