/** What a row expects of an app from the last acknowledgement on. Clients are judged by what they got, servers by what they did. */
export type Expectation =
  /** At least 50 successes; for a client from all of these identities, and from no other. */
  | { readonly kind: "increments"; readonly side: "client"; readonly from: readonly string[] }
  | { readonly kind: "increments"; readonly side: "server" }
  /** At least 50 attempts, all with this denial: an HTTP status, or `closed` for a connection without an answer. */
  | { readonly kind: "frozen"; readonly side: "client"; readonly denial: string }
  /** Nothing done during at least 50 attempts of the mesh's clients. */
  | { readonly kind: "frozen"; readonly side: "server" }
  /** Shares of at least 400 requests, by identity or denial, within the 99.9 % binomial interval; outside it, of 800. `mixed`: one is a denial. */
  | { readonly kind: "split" | "mixed"; readonly side: "client"; readonly shares: Readonly<Record<string, number>> }
  /** There is no such pod. */
  | { readonly kind: "absent" };

/** For people and for the JSON result. */
export function describeExpectation(expectation: Expectation): string {
  switch (expectation.kind) {
    case "increments":
      return expectation.side === "server" ? "increments" : `increments (${expectation.from.join(" and ")})`;
    case "frozen":
      return expectation.side === "server" ? "frozen" : `frozen (${expectation.denial})`;
    case "split":
    case "mixed": {
      const shares = Object.entries(expectation.shares).map(([part, share]) => `${share * 100} % ${part}`);
      return `${expectation.kind} (${shares.join(", ")})`;
    }
    case "absent":
      return "absent";
  }
}
