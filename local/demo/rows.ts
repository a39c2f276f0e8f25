import type { Manifest } from "../scenarios/bookstore/manifests.ts";
import type { AppName } from "./columns.ts";
import type { Expectation } from "./expectation.ts";

/** One step of the demo: what is applied to Kubernetes, and what must then be so. */
export interface Row {
  /** `5a` */
  readonly id: string;
  readonly title: string;
  /** Brought up and ready before anything is measured. */
  readonly deploy: readonly Manifest[];
  /** The change whose way to the last acknowledgement is measured; applied in this order. */
  readonly apply: readonly Manifest[];
  readonly expected: Readonly<Record<AppName, Expectation>>;
}

const bought = (...from: readonly string[]): Expectation => ({ kind: "increments", side: "client", from });
const denied = (denial: string): Expectation => ({ kind: "frozen", side: "client", denial });
const serves: Expectation = { kind: "increments", side: "server" };
const idle: Expectation = { kind: "frozen", side: "server" };
const absent: Expectation = { kind: "absent" };
const [v1, v2] = ["bookstore-v1", "bookstore-v2"] as const;

/** In every row: plaintext from outside the mesh gets no answer. */
const outside = denied("closed");
/** While books are sold. */
const restocking = { bookwarehouse: serves, mysql: serves, outside };

/**
 * OSM's walk (open-service-mesh.md §6.3). Version 2 comes with 5a. Until the split, a client of `bookstore` gets those pods
 * behind the Service that admit it, so the thief goes on with version 1. A split's shares are fixed: what falls to a
 * version that does not admit the client is answered with 503, so half of the thief's requests in 6 and all in 7.
 */
export const rows: readonly Row[] = [
  {
    id: "1",
    title: "permissive: everybody may call everybody",
    deploy: [],
    apply: ["mesh/permissive"],
    expected: { bookbuyer: bought(v1), bookthief: bought(v1), [v1]: serves, [v2]: absent, ...restocking },
  },
  {
    id: "2",
    title: "not permissive, and nothing allowed",
    deploy: [],
    apply: ["mesh/enforced"],
    expected: {
      bookbuyer: denied("403"),
      bookthief: denied("403"),
      [v1]: idle,
      [v2]: absent,
      bookwarehouse: idle,
      mysql: idle,
      outside,
    },
  },
  {
    id: "3",
    title: "the buyer may call version 1",
    deploy: [],
    apply: ["access/bookwarehouse", "access/bookstore-v1"],
    expected: { bookbuyer: bought(v1), bookthief: denied("403"), [v1]: serves, [v2]: absent, ...restocking },
  },
  {
    id: "4",
    title: "so may the thief",
    deploy: [],
    apply: ["access/bookstore-v1-allow-bookthief"],
    expected: { bookbuyer: bought(v1), bookthief: bought(v1), [v1]: serves, [v2]: absent, ...restocking },
  },
  {
    id: "5a",
    title: "version 2 is there, and the buyer may call it",
    deploy: ["apps/bookstore-v2"],
    apply: ["access/bookstore-v2"],
    expected: { bookbuyer: bought(v1, v2), bookthief: bought(v1), [v1]: serves, [v2]: serves, ...restocking },
  },
  {
    id: "5b",
    title: "split 100 / 0",
    deploy: [],
    apply: ["split/v1"],
    expected: { bookbuyer: bought(v1), bookthief: bought(v1), [v1]: serves, [v2]: idle, ...restocking },
  },
  {
    id: "6",
    title: "split 50 / 50",
    deploy: [],
    apply: ["split/half"],
    expected: {
      bookbuyer: { kind: "split", side: "client", shares: { [v1]: 0.5, [v2]: 0.5 } },
      bookthief: { kind: "mixed", side: "client", shares: { [v1]: 0.5, "503": 0.5 } },
      [v1]: serves,
      [v2]: serves,
      ...restocking,
    },
  },
  {
    id: "7",
    title: "split 0 / 100",
    deploy: [],
    apply: ["split/v2"],
    expected: { bookbuyer: bought(v2), bookthief: denied("503"), [v1]: idle, [v2]: serves, ...restocking },
  },
];

/** What stands before the first row: no policy, nothing allowed, no version 2. */
export const deployed: readonly Manifest[] = [
  "mesh/enforced",
  "apps/bookwarehouse",
  "apps/mysql",
  "apps/bookstore",
  "apps/bookbuyer",
  "apps/bookthief",
  "apps/outside",
];
