/** What seeded faults do to a request. */
import { setTimeout as pause } from "node:timers/promises";
import type { FaultInjector, FaultSubject } from "../../faults/fault-injector.ts";
import { unavailable } from "../api-error.ts";
import type { KubernetesFault } from "../faults.ts";
import { collectionName } from "../kinds/kind.ts";
import type { ApiPath } from "./api-path.ts";
import type { Call } from "./call.ts";
import { isTrue } from "./selection.ts";

export interface Faults {
  readonly injector: FaultInjector<KubernetesFault>;
  /** Does what befalls not one request but the whole server. */
  strike(fault: KubernetesFault): void;
}

const verbs: Readonly<Record<string, string>> = { POST: "create", PUT: "update", PATCH: "patch", DELETE: "delete" };

function operationOf(call: Call, path: ApiPath): { on: "read" | "write" | "watch"; subject: FaultSubject } {
  const { namespace, name } = path;
  const written = verbs[call.request.method ?? ""];
  const watching = written === undefined && isTrue(call.query, "watch");
  const reading = name === undefined ? "list" : "get";
  const subject = {
    verb: written ?? (watching ? "watch" : reading),
    resource: collectionName(path.group, path.plural),
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
  };
  return { on: written === undefined ? (watching ? "watch" : "read") : "write", subject };
}

/**
 * Befalls one request, before anything is done for it.
 *
 * @returns the call to go on with; undefined when its connection broke
 * @throws ApiError when it is refused
 */
export async function befall(faults: Faults, call: Call, path: ApiPath): Promise<Call | undefined> {
  const { on, subject } = operationOf(call, path);
  let next: Call | undefined = call;
  for (const fault of faults.injector.befall(on, subject)) {
    switch (fault.fault) {
      case "delay":
        await pause(fault.milliseconds);
        break;
      case "refused":
        throw unavailable(fault.status, fault.retryAfter);
      case "expire":
        next = next && { ...next, expired: true };
        break;
      case "request-lost":
        call.response.destroy();
        next = undefined;
        break;
      case "answer-lost":
        next = next && { ...next, lost: fault.status ?? "answer" };
        break;
      default:
        faults.strike(fault);
    }
  }
  return next;
}
