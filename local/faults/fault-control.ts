import { createServer, type IncomingMessage } from "node:http";
import type { z } from "zod";
import { listen } from "../../shared/shell/listening-server.ts";
import type { FaultInjector } from "./fault-injector.ts";
import { type FaultBase, type FaultPlan, parseFault, parseFaultPlan } from "./fault-plan.ts";

export interface FaultControlOptions<Fault extends FaultBase> {
  readonly injector: FaultInjector<Fault>;
  readonly schema: z.ZodType<Fault>;
  /** On loopback; 0 or undefined: any free port. */
  readonly port?: number;
  /** Does one fault at once. @throws Error when it cannot be done out of turn */
  readonly now: (fault: Fault) => Promise<void> | void;
}

/** The port over which a plan is read and replaced while a stand-in runs. */
export interface FaultControl extends AsyncDisposable {
  /** `http://127.0.0.1:port/faults` */
  readonly url: string;
}

const bodyLimit = 1_048_576;

/** Serves `GET`, `PUT` and `POST /faults`. A mistake in a body is answered 400 with one line that names it. */
export async function startFaultControl<Fault extends FaultBase>(
  options: FaultControlOptions<Fault>,
): Promise<FaultControl> {
  const server = createServer((request, response) => {
    answer(options, request).then(
      ({ status, body }) => {
        response.writeHead(status, { "content-type": "application/json" });
        response.end(`${JSON.stringify(body)}\n`);
      },
      (error: unknown) => {
        response.writeHead(400, { "content-type": "text/plain" });
        response.end(`${error instanceof Error ? error.message : String(error)}\n`);
      },
    );
  });
  const listening = await listen(server, { host: "127.0.0.1", port: options.port ?? 0 });
  return { ...listening, url: `http://127.0.0.1:${listening.port}/faults` };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function answer<Fault extends FaultBase>(
  { injector, schema, now }: FaultControlOptions<Fault>,
  request: IncomingMessage,
): Promise<Answer> {
  if (request.url !== "/faults") return { status: 404, body: { error: "only /faults is here" } };
  switch (request.method) {
    case "GET":
      return { status: 200, body: { ...toJson(injector.plan), history: injector.history } };
    case "PUT":
      injector.replace(parseFaultPlan(await readBody(request), schema));
      return { status: 200, body: toJson(injector.plan) };
    case "POST":
      await now(parseFault(await readBody(request), schema));
      return { status: 200, body: {} };
    default:
      return { status: 405, body: { error: "GET, PUT or POST" } };
  }
}

/** A plan as it is written. */
function toJson<Fault extends FaultBase>({ seed, rules }: FaultPlan<Fault>): object {
  return {
    seed,
    faults: rules.map(({ fault, at, rate, from, limit, where }) => ({ ...fault, at, rate, from, limit, where })),
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyLimit) throw new Error(`a body may have ${bodyLimit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
