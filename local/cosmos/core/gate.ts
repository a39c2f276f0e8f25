import type { FaultInjector } from "../../faults/fault-injector.ts";
import type { Account, Container } from "../store/account.ts";
import { attempt } from "../store/batch.ts";
import type { ReadView } from "../store/container-data.ts";
import { CosmosError, ownerNotFound, sessionNotAvailable, tooManyRequests } from "../store/cosmos-error.ts";
import { refusedCharge } from "../store/request-units.ts";
import { AnswerLost } from "./answer-lost.ts";
import type { CosmosFault } from "./cosmos-fault.ts";
import type { ContainerPath, ItemAction, Principal, Rights } from "./rights.ts";
import { createThroughput, type Throughput } from "./throughput.ts";

/** Who asks, for which container. */
export interface Caller extends ContainerPath {
  readonly principal: Principal;
  /** The lsn that the caller has seen: what it reads is not older. */
  readonly session?: number | undefined;
}

/** What a request comes to. */
export interface Answer<Result> {
  readonly result: Result | CosmosError;
  /** Request units. */
  readonly charge: number;
  /** The lsn that the answer was made at: the least that the caller's session has seen now. */
  readonly lsn: number;
}

/** What a request is, for rights and faults. */
export interface Request<Result> {
  readonly on: "read" | "write" | "query" | "feed";
  readonly actions: readonly ItemAction[];
  /** Reads see `view`, writes the container. */
  readonly run: (container: Container, view: ReadView) => { readonly result: Result; readonly charge: number };
}

type Of<Name> = Extract<CosmosFault, { fault: Name }>;

/** What every request about items passes on its way in and out: rights, faults, provisioned units, sessions. */
export interface Gate {
  /** @throws AnswerLost */
  readonly serve: <Result>(caller: Caller, request: Request<Result>) => Answer<Result>;
}

export interface GateOptions {
  readonly account: Account;
  readonly faults: FaultInjector<CosmosFault>;
  /** ms since 1970. */
  readonly clock: () => number;
  readonly rights: Rights;
  /** Puts the account back to a time, ms since 1970. */
  readonly restore: (time: number) => void;
  /** A second, of each container; Infinity throttles nothing. */
  readonly requestUnits: number;
}

export function createGate({ account, faults, clock, rights, restore, requestUnits }: GateOptions): Gate {
  const throughputs = new WeakMap<Container, Throughput>();
  const throughputOf = (container: Container): Throughput => {
    const throughput = throughputs.get(container) ?? createThroughput(requestUnits);
    throughputs.set(container, throughput);
    return throughput;
  };
  const befall = (
    caller: Caller,
    on: Request<unknown>["on"],
    actions: readonly ItemAction[],
  ): readonly CosmosFault[] => {
    const principal = caller.principal.kind === "key" ? "key" : caller.principal.id;
    const action = actions.length === 1 ? (actions[0] ?? "batch") : "batch";
    const subject = { database: caller.database, container: caller.container, principal, action };
    return [...faults.befall(on, subject), ...faults.befall("any", subject)];
  };

  /** What is decided before anything is read or written. */
  const refusalOf = (
    { caller, container, struck }: { caller: Caller; container: Container; struck: readonly CosmosFault[] },
    isRead: boolean,
  ): CosmosError | undefined => {
    const refused = find(struck, "refused");
    if (refused !== undefined) {
      const { status, substatus, retryAfter } = refused;
      const details = {
        ...(substatus === undefined ? {} : { substatus }),
        ...(retryAfter === undefined ? {} : { retryAfter }),
      };
      return new CosmosError(status, "This refusal is a fault on purpose.", details);
    }
    const wait = throughputOf(container).wait(clock());
    if (wait !== undefined) return tooManyRequests(wait);
    return isRead && (caller.session ?? 0) > container.data.lsn ? sessionNotAvailable() : undefined;
  };

  const viewFor = (container: Container, struck: readonly CosmosFault[], session: number): ReadView => {
    const stale = find(struck, "stale");
    if (stale === undefined) return container.data;
    return container.history.asOf(Math.max(session, container.history.lsnAt(clock() - stale.milliseconds)));
  };

  const serve = <Result>(caller: Caller, request: Request<Result>): Answer<Result> => {
    const container = account.databases.get(caller.database)?.containers.get(caller.container);
    if (container === undefined) return { result: ownerNotFound(), charge: refusedCharge, lsn: 0 };
    const denied = attempt(() => {
      for (const action of new Set(request.actions)) rights.checkItems(caller.principal, action, caller);
    });
    if (denied !== undefined) return { result: denied, charge: 0, lsn: container.data.lsn };
    const struck = befall(caller, request.on, request.actions);
    const back = find(struck, "restore");
    if (back !== undefined) restore(clock() - back.milliseconds);
    const early = find(struck, "request-lost");
    if (early !== undefined) throw new AnswerLost(early.milliseconds);
    const isRead = request.on !== "write";
    const refusal = refusalOf({ caller, container, struck }, isRead);
    if (refusal !== undefined) return { result: refusal, charge: refusedCharge, lsn: container.data.lsn };
    const view = isRead ? viewFor(container, struck, caller.session ?? 0) : container.data;
    const done = attempt(() => request.run(container, view));
    const { result, charge } = done instanceof CosmosError ? { result: done, charge: refusedCharge } : done;
    throughputOf(container).spend(charge, clock());
    const late = find(struck, "answer-lost");
    if (late !== undefined) throw new AnswerLost(late.milliseconds);
    return { result, charge, lsn: isRead ? view.lsn : container.data.lsn };
  };

  return { serve };
}

function find<Name extends CosmosFault["fault"]>(struck: readonly CosmosFault[], name: Name): Of<Name> | undefined {
  return struck.find((fault): fault is Of<Name> => fault.fault === name);
}
