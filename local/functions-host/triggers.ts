import { join } from "node:path";
import type { z } from "zod";
import { type AmqpNamespace, createAmqpNamespace } from "../../shared/adapters/azure/amqp-namespace.ts";
import { triggerOf } from "./app/invoke.ts";
import type { LoadedApp } from "./app/load-app.ts";
import type { RegisteredFunction } from "./app/registry.ts";
import { type AppSettings, expandSettings, findConnection } from "./app-settings.ts";
import { createFileCheckpoints, createMemoryCheckpoints } from "./event-hub/checkpoints.ts";
import {
  createAmqpReaders,
  eventHubTriggerSchema,
  type PartitionReaders,
  startEventHubTrigger,
} from "./event-hub/event-hub-trigger.ts";
import { toNamespaceAddress } from "./event-hub/namespace-address.ts";
import { befallenCheckpoints } from "./faults/befallen.ts";
import type { HostFaults } from "./faults/host-fault.ts";
import { FunctionsHostError } from "./functions-host-error.ts";
import type { HostJson } from "./host-json.ts";
import { type HttpFunction, httpTriggerSchema, toHttpFunction } from "./http/http-functions.ts";
import type { Invoker } from "./invoker.ts";
import { toRetryPolicy } from "./retry-policy.ts";
import type { RunningTrigger, TriggerContext } from "./running-trigger.ts";
import { startTimerTrigger, timerTriggerSchema, toSchedule } from "./timer/timer-trigger.ts";

export interface TriggerParts {
  readonly app: LoadedApp;
  readonly invoker: Invoker;
  readonly hostJson: HostJson;
  readonly settings: AppSettings;
  readonly dir: string | undefined;
  readonly partitions: readonly string[] | undefined;
  readonly faults: HostFaults | undefined;
  readonly signal: AbortSignal;
}

/** Every function's trigger, checked but not yet at work. */
export interface TriggerPlan {
  readonly http: readonly HttpFunction[];
  /** Puts the triggers to work. */
  start(): AsyncDisposable;
}

/**
 * Checks every function's trigger and the settings it names.
 *
 * @throws {FunctionsHostError} for a function without a trigger, an option that is missing, a setting that is missing, or a
 * trigger type that this host does not know.
 */
export async function planTriggers(parts: TriggerParts): Promise<TriggerPlan> {
  const http: HttpFunction[] = [];
  const starts: (() => RunningTrigger)[] = [];
  const namespaces = new Map<string, AmqpNamespace>();
  const kept =
    parts.dir === undefined ? createMemoryCheckpoints() : createFileCheckpoints(join(parts.dir, "checkpoints"));
  const checkpoints = parts.faults === undefined ? kept : befallenCheckpoints(parts.faults, kept);

  for (const fn of parts.app.registry.functions.values()) {
    const { name } = fn.metadata;
    const type = triggerOf(fn)?.binding.type ?? "";
    switch (type.toLowerCase()) {
      case "httptrigger":
        http.push(toHttpFunction(name, toContext(parts, fn, httpTriggerSchema).binding, parts.hostJson.routePrefix));
        break;
      case "eventhubtrigger": {
        const context = toContext(parts, fn, eventHubTriggerSchema);
        const { connection } = eventHubTriggerSchema.parse(context.binding);
        const address = toNamespaceAddress(findConnection(connection, "fullyQualifiedNamespace", parts.settings));
        const namespace = namespaces.get(connection) ?? createAmqpNamespace(address);
        namespaces.set(connection, namespace);
        const all = createAmqpReaders(namespace, checkpoints, parts.hostJson.eventHubs);
        const readers = parts.partitions === undefined ? all : onlyPartitions(all, parts.partitions);
        starts.push(() => startEventHubTrigger(context, readers, checkpoints));
        break;
      }
      case "timertrigger": {
        const context = toContext(parts, fn, timerTriggerSchema);
        const schedule = toSchedule(context);
        starts.push(() => startTimerTrigger(context, schedule));
        break;
      }
      case "cosmosdbtrigger": {
        // The SDK takes half a second to load, which an app without such a trigger need not pay.
        const { cosmosTriggerSchema, openClients, startChangeFeedTrigger } = await import(
          "./cosmos/change-feed-trigger.ts"
        );
        const context = toContext(parts, fn, cosmosTriggerSchema);
        const clients = openClients(context);
        starts.push(() => startChangeFeedTrigger(context, clients));
        break;
      }
      default: {
        const what = type === "" ? "has no trigger" : `has a trigger of type ${type}, which this host does not support`;
        throw new FunctionsHostError("function-invalid", `The function ${name} ${what}.`);
      }
    }
  }
  return {
    http,
    start() {
      const running = starts.map((start) => start());
      return {
        async [Symbol.asyncDispose]() {
          // Not one after the other: a handler that never ends must not hold the connections.
          const parts = [...running, ...namespaces.values()];
          await Promise.all(parts.map((part) => part[Symbol.asyncDispose]()));
        },
      };
    },
  };
}

function onlyPartitions(readers: PartitionReaders, wanted: readonly string[]): PartitionReaders {
  return { ...readers, partitions: async (hub) => (await readers.partitions(hub)).filter((id) => wanted.includes(id)) };
}

function toContext(parts: TriggerParts, fn: RegisteredFunction, schema: z.ZodType): TriggerContext {
  const { name, retryOptions } = fn.metadata;
  const { invoker, settings, hostJson, signal, dir } = parts;
  const binding = expandBinding(triggerOf(fn)?.binding ?? {}, settings);
  const checked = schema.safeParse(binding);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    const field = issue?.path.join(".") ?? "";
    throw new FunctionsHostError(
      "function-invalid",
      `The trigger of ${name} is not valid (${field}): ${issue?.message ?? ""}.`,
    );
  }
  return {
    function: fn,
    binding,
    settings,
    hostJson,
    capabilities: parts.app.capabilities,
    policy: toRetryPolicy(retryOptions),
    signal,
    dir,
    async invoke(data, metadata, retry) {
      await invoker.invoke({ function: fn, data, metadata, ...(retry === undefined ? {} : { retry }) });
    },
    log: (level, message) => invoker.log(name, level, message),
  };
}

/** Options that are names of settings already, and so are not expanded. */
const settingNames = new Set(["connection", "leaseConnection"]);

function expandBinding(binding: Readonly<Record<string, unknown>>, settings: AppSettings): Record<string, unknown> {
  const expanded = Object.entries(binding).map(([option, value]) => {
    const plain = typeof value !== "string" || settingNames.has(option);
    return [option, plain ? value : expandSettings(value, settings)];
  });
  return Object.fromEntries(expanded);
}
