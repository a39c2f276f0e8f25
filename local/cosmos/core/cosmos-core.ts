import { createFaultInjector, type FaultInjector } from "../../faults/fault-injector.ts";
import { parseQuery } from "../sql/parser.ts";
import { type QueryPage, runQuery } from "../sql/run-query.ts";
import { type Account, createAccount, memoryStorage, type Storage } from "../store/account.ts";
import { type BatchResult, runBatch } from "../store/batch.ts";
import { type FeedPage, type FeedRequest, readChangeFeed } from "../store/change-feed.ts";
import { CosmosError } from "../store/cosmos-error.ts";
import type { WriteContext } from "../store/draft.ts";
import type { HistoryLimits } from "../store/history.ts";
import type { Json } from "../store/json.ts";
import { type Operation, type Outcome, readItem } from "../store/operation.ts";
import type { Scope } from "../store/partition.ts";
import { feedCharge, queryCharge, refusedCharge } from "../store/request-units.ts";
import { type RingRange, splitRing } from "../store/ring.ts";
import type { CosmosFault } from "./cosmos-fault.ts";
import { createEtagSource } from "./etag-source.ts";
import { type Answer, type Caller, createGate, type Gate } from "./gate.ts";
import { createRights, type ItemAction, type Principal, type RoleAssignment } from "./rights.ts";

export interface CosmosCoreOptions {
  /** ms since 1970. */
  readonly clock: () => number;
  /** Keeps nothing when absent. */
  readonly storage?: Storage;
  /** What befalls requests; nothing when absent. May get another plan at any time. */
  readonly faults?: FaultInjector<CosmosFault>;
  /** Request units a second of each container; unlimited when absent. */
  readonly requestUnits?: number;
  /** Most bytes of one partition key; the service's 20 GB when absent. */
  readonly partitionBytes?: number;
  /** Physical partitions of each container, 1 when absent: clients then merge the answers of several ranges. */
  readonly partitions?: number;
  /** Who may do what; every identity is a contributor everywhere when absent. */
  readonly roles?: readonly RoleAssignment[];
  /** How far back lagging reads and restores reach. */
  readonly history?: HistoryLimits;
  /** Text in every etag; random when absent, so that no etag of another run comes again. */
  readonly run?: string;
}

export interface QueryRequest {
  readonly text: string;
  /** Values by name with `@`. */
  readonly parameters: ReadonlyMap<string, Json>;
  readonly scope: Scope;
  readonly maxItems: number;
  /** What the page before gave. */
  readonly continuation: string | undefined;
}

/** A position of `"now"` skips all that is there. */
export type ChangesRequest = Omit<FeedRequest, "after"> & { readonly after: number | "now" };

/**
 * The stand-in without sockets, files and a clock of its own: what the HTTP layer (`wire/`) calls, and what a simulation
 * runs in its own process, by itself or behind the `DocumentStore` port (`core-document-store.ts`).
 *
 * Each method is one request: synchronous, whole, decided by rights, faults and provisioned units. A refusal is a value
 * (`Answer.result`); `AnswerLost` is thrown where no answer comes. The same options, faults and calls give the same
 * answers.
 */
export interface CosmosCore {
  /** Databases and containers; making and deleting them is not a request that faults befall. */
  readonly account: Account;
  readonly faults: FaultInjector<CosmosFault>;
  /** The partition key ranges of every container. */
  readonly ranges: readonly RingRange[];
  /** 403 for an identity without any role. @throws CosmosError */
  checkMetadata(principal: Principal): void;
  /** Clock and etags for what is made through `account`. */
  writeContext(): WriteContext;
  /** One operation on one item. */
  item(caller: Caller, operation: Operation): Answer<Outcome>;
  /** A transactional batch. Its operations' own refusals stand in the result. */
  batch(caller: Caller, operations: readonly Operation[]): Answer<BatchResult["outcomes"]>;
  /** One page of a query. */
  query(caller: Caller, request: QueryRequest): Answer<QueryPage>;
  /** One page of the change feed, latest versions. */
  changes(caller: Caller, request: ChangesRequest): Answer<FeedPage>;
  /** Puts every container back to what it was at a time (ms since 1970), as far as the history reaches. */
  restore(time: number): void;
  /** Forgets what has expired; nobody sees it in any case. */
  expire(): void;
}

const defaultHistory: HistoryLimits = { age: 10 * 60_000, bytes: 32 * 1024 * 1024 };

/** The service's limit, bytes (azure.md §6.4). */
const defaultPartitionBytes = 20 * 1024 ** 3;

export function createCosmosCore(options: CosmosCoreOptions): CosmosCore {
  const { clock, faults = createFaultInjector<CosmosFault>() } = options;
  const account = createAccount(options.storage ?? memoryStorage, options.history ?? defaultHistory);
  const rights = createRights(() => options.roles);
  const nextEtag = createEtagSource(options.run);
  const maxPartitionBytes = options.partitionBytes ?? defaultPartitionBytes;
  const writeContext = (): WriteContext => ({ now: clock(), nextEtag, maxPartitionBytes });

  const restore = (time: number): void => {
    for (const { containers } of account.databases.values()) {
      for (const container of containers.values()) {
        const { history } = container;
        container.commit(history.undo(history.lsnAt(time)), clock());
      }
    }
  };

  const { serve } = createGate({
    account,
    faults,
    clock,
    rights,
    restore,
    requestUnits: options.requestUnits ?? Number.POSITIVE_INFINITY,
  });

  return {
    account,
    faults,
    ranges: splitRing(options.partitions ?? 1),
    checkMetadata: (principal) => rights.checkMetadata(principal),
    writeContext,
    restore,
    ...itemRequests({ serve, clock, writeContext }),
    expire() {
      for (const { containers } of account.databases.values()) {
        for (const container of containers.values()) container.data.expire(clock());
      }
    },
  };
}

interface Served {
  readonly serve: Gate["serve"];
  readonly clock: () => number;
  readonly writeContext: () => WriteContext;
}

function itemRequests({
  serve,
  clock,
  writeContext,
}: Served): Pick<CosmosCore, "item" | "batch" | "query" | "changes"> {
  return {
    item: (caller, operation) =>
      serve(caller, {
        on: operation.kind === "read" ? "read" : "write",
        actions: [actionOf(operation)],
        run(container, view) {
          if (operation.kind === "read") return charged(readItem(view, operation, clock()));
          const { outcomes, transaction } = runBatch(container.data, [operation], writeContext());
          const [outcome] = outcomes;
          if (outcome === undefined || outcome instanceof CosmosError) throw outcome ?? new Error("nothing was done");
          container.commit(transaction, clock());
          return charged(outcome);
        },
      }),
    batch: (caller, operations) =>
      serve(caller, {
        on: "write",
        actions: operations.map((operation) => actionOf(operation)),
        run(container) {
          const { outcomes, transaction } = runBatch(container.data, operations, writeContext());
          container.commit(transaction, clock());
          return { result: outcomes, charge: outcomes.reduce((sum, outcome) => sum + chargeOf(outcome), 0) };
        },
      }),
    query: (caller, { text, parameters, scope, maxItems, continuation }) =>
      serve(caller, {
        on: "query",
        actions: ["executeQuery"],
        run(_, view) {
          const query = parseQuery(text);
          const items = view.items(scope, clock());
          const result = runQuery(query, parameters, { items, page: { maxItems, continuation } });
          return { result, charge: queryCharge(items.reduce((sum, item) => sum + item.size, 0)) };
        },
      }),
    changes: (caller, { after, ...request }) =>
      // A feed that goes on from somewhere has seen what is before.
      serve(typeof after === "number" ? { ...caller, session: Math.max(after, caller.session ?? 0) } : caller, {
        on: "feed",
        actions: ["readChangeFeed"],
        run(_, view) {
          const page = readChangeFeed(view, { ...request, after: after === "now" ? view.lsn : after }, clock());
          return { result: page, charge: page.items.length === 0 ? refusedCharge : feedCharge(page.bytes) };
        },
      }),
  };
}

/** Request units of one operation of a batch. */
export function chargeOf(outcome: Outcome | CosmosError): number {
  return outcome instanceof CosmosError ? (outcome.status === 424 ? 0 : refusedCharge) : outcome.charge;
}

function charged(outcome: Outcome): { readonly result: Outcome; readonly charge: number } {
  return { result: outcome, charge: outcome.charge };
}

function actionOf({ kind }: Operation): ItemAction {
  return kind === "patch" ? "replace" : kind;
}
