import { compareObjectKeys, type ObjectKey } from '../events/object.ts';

/** Every code, with what it means to its reader and what mends it. `docs/problems.md` is written from this table. */
export const problemCatalogue = {
  'object-unreadable': 'The object could not be read as its kind; nothing is taken from it. Correct the named field.',
  'object-refused': 'The object is too large or malformed to be sent; rules that need it stay closed. Make it smaller.',
  'protocol-unsupported': 'The port names a protocol the mesh does not speak; the port is left out. Use http, grpc, tcp or tcp-server-first.',
  'protocol-conflict': 'Two Services give one target port different protocols; the oldest Service wins. Make them agree.',
  'address-conflict': 'Another, older Service already has this address and port; this one is left out.',
  'route-group-not-found': 'The rule names an HTTPRouteGroup or TCPRoute that does not exist in this namespace; the rule gives nothing.',
  'route-match-not-found': 'The rule names a match that its HTTPRouteGroup does not have; that match gives nothing.',
  'route-match-missing': 'The rule names no matches, which gives nothing (as in OSM). List the matches by name.',
  'route-kind-unsupported': 'The rule refers to a kind that the mesh does not enforce; the rule gives nothing.',
  'regex-invalid': 'The expression is not valid RE2; the match gives nothing.',
  'target-namespace-mismatch': 'A TrafficTarget must stand in the namespace of its destination; it gives nothing.',
  'account-kind-unsupported': 'Sources and destinations must be of the kind ServiceAccount; this one gives nothing.',
  'sources-missing': 'The TrafficTarget names no source; it gives nothing.',
  'rules-missing': 'The TrafficTarget has no rule; it gives nothing.',
  'backend-not-found': 'The split names a Service that does not exist (yet); the backend gets no traffic.',
  'backend-port-missing': 'The backend does not have the port of the root Service; it gets no traffic on that port.',
  'split-root-not-found': 'The split names a root Service that does not exist; the split has no effect.',
  'split-conflict': 'An older TrafficSplit already splits this Service; this one has no effect.',
  'split-weights-zero': 'All weights are zero: nobody is eligible, requests get 503 and connections are closed.',
  'split-matches-on-tcp': 'The split has HTTP matches but the port is TCP; the split has no effect on that port.',
  'split-self-backend': 'The root Service is its own backend; it stands for the root’s own endpoints and is not split again.',
  'meshconfig-value-invalid': 'A MeshConfig value cannot be used; the default stands in its place.',
  'rejected-by-proxy': 'A proxy refused configuration made from this object; it stays on the last good version.',
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
