import { contentHash } from "../../shared/core/canonical.ts";
import { watchedKinds } from "../../shared/core/events/normalise.ts";
import { type Problem, problemCatalogue } from "../../shared/core/mesh/problem.ts";
import type { ObjectKey } from "../../shared/core/object.ts";
import { isRefusal, type KubernetesClient } from "../kubernetes/client.ts";

export interface ProblemEventsOptions {
  readonly client: KubernetesClient;
  readonly instance: string;
  readonly now: () => Date;
  readonly uidOf: (object: ObjectKey) => string | undefined;
  readonly fault: (error: Error) => void;
}

/** Shows problems on their objects as Kubernetes Events: reason = code, message = what is wrong and what to do. */
export interface ProblemEvents {
  /** All problems that stand now; those shown already are not written again until they went and came back. */
  readonly show: (problems: readonly Problem[]) => Promise<void>;
}

export function createProblemEvents(options: ProblemEventsOptions): ProblemEvents {
  let shown = new Set<string>();
  return {
    async show(problems) {
      const standing = new Set<string>();
      const fresh: Problem[] = [];
      for (const problem of problems) {
        const id = eventId(problem);
        if (!shown.has(id) && !standing.has(id)) fresh.push(problem);
        standing.add(id);
      }
      shown = standing;
      for (const problem of fresh) {
        try {
          await writeEvent(options, problem);
        } catch (error) {
          shown.delete(eventId(problem)); // shown with the next round
          options.fault(error as Error);
        }
      }
    },
  };
}

async function writeEvent({ client, instance, now, uidOf }: ProblemEventsOptions, problem: Problem): Promise<void> {
  const { object } = problem;
  const namespace = object.namespace === "" ? "default" : object.namespace;
  const name = eventName(problem);
  const time = now()
    .toISOString()
    .replace(/\.\d+Z$/, "Z");
  const path = `/api/v1/namespaces/${namespace}/events`;
  const event = {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name, namespace },
    involvedObject: referenceOf(object, uidOf(object)),
    type: "Warning",
    reason: problem.code,
    message: `${problem.message}. ${problemCatalogue[problem.code]}`,
    source: { component: "weft-gateway", host: instance },
    reportingComponent: "weft.dev/gateway",
    reportingInstance: instance,
    action: "Compile",
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
  try {
    await client.call({ method: "POST", path, body: event });
  } catch (error) {
    if (!isRefusal(error, 409)) throw error;
    const { count = 1 } = await client.call<{ readonly count?: number }>({ path: `${path}/${name}` });
    await client.call({ method: "PATCH", path: `${path}/${name}`, body: { lastTimestamp: time, count: count + 1 } });
  }
}

function referenceOf(object: ObjectKey, uid: string | undefined): object {
  const version =
    watchedKinds.find(({ group, kind }) => group === object.group && kind === object.kind)?.version ?? "v1";
  const apiVersion = object.group === "" ? version : `${object.group}/${version}`;
  return {
    apiVersion,
    kind: object.kind,
    ...(object.namespace !== "" && { namespace: object.namespace }),
    name: object.name,
    ...(uid !== undefined && { uid }),
  };
}

/** A valid name whatever the object's is: ours have capitals, and a long one leaves no room for the id. */
function eventName(problem: Problem): string {
  const readable = problem.object.name.toLowerCase().replace(/[^a-z0-9.-]/g, "-");
  const label = readable.slice(0, longestName - eventIdLength - 1).replace(/^[.-]+|[.-]+$/g, "");
  return `${label === "" ? "object" : label}.${eventId(problem)}`;
}

const longestName = 253;
const eventIdLength = 16;

/** Part of an object's name: lower-case hex. */
function eventId({ code, object, message }: Problem): string {
  const text = [code, object.group, object.kind, object.namespace, object.name, message].join("\n");
  return Buffer.from(contentHash(text), "base64url").toString("hex").slice(0, eventIdLength);
}
