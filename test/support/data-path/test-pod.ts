import { eventually } from "../eventually.ts";
import type {
  GrpcCommand,
  GrpcResult,
  HoldCommand,
  HoldResult,
  HttpCommand,
  HttpResult,
  LoadCommand,
  LoadTally,
  ServerAnswer,
  TcpCommand,
  TcpResult,
  WebSocketCommand,
  WebSocketResult,
} from "./apps/commands.ts";
import { driverPort } from "./objects.ts";

/** A pod that does what it is asked to, from inside. */
export interface TestPod {
  /** `namespace/name` */
  readonly key: string;
  readonly uid: string;
  readonly address: string;
  http(command: HttpCommand): Promise<readonly HttpResult[]>;
  tcp(command: TcpCommand): Promise<readonly TcpResult[]>;
  grpc(command: GrpcCommand): Promise<GrpcResult>;
  webSocket(command: WebSocketCommand): Promise<WebSocketResult>;
  /** Opens a connection that stays, once the server has said something. */
  hold(command: HoldCommand): Promise<HeldConnection>;
  lookup(host: string): Promise<readonly string[]>;
  startLoad(command: LoadCommand): Promise<RunningLoad>;
}

export interface HeldConnection {
  /** Whether the other side leaves the connection open for all of the time. Milliseconds. */
  staysOpen(timeMs: number): Promise<boolean>;
}

export interface RunningLoad {
  look(): Promise<LoadTally>;
  stop(): Promise<LoadTally>;
}

export function createTestPod({ key, uid, address }: Pick<TestPod, "key" | "uid" | "address">): TestPod {
  const order = async <T>(path: string, command: object): Promise<T> => {
    const response = await fetch(`http://${address}:${driverPort}${path}`, {
      method: "POST",
      body: JSON.stringify(command),
    });
    if (!response.ok) throw new Error(`${key} could not carry out ${path}: ${await response.text()}`);
    return (await response.json()) as T;
  };
  return {
    key,
    uid,
    address,
    http: (command) => order("/http", command),
    tcp: (command) => order("/tcp", command),
    grpc: (command) => order("/grpc", command),
    webSocket: (command) => order("/websocket", command),
    async hold(command) {
      const { open } = await order<HoldResult>("/hold/open", command);
      if (!open) throw new Error(`${key} has no connection to ${command.host}:${command.port}`);
      const { name } = command;
      return {
        staysOpen: async (timeoutMs) => (await order<HoldResult>("/hold/watch", { name, timeoutMs })).open,
      };
    },
    lookup: (host) => order("/lookup", { host }),
    async startLoad(command) {
      const { name } = command;
      await order("/load/start", command);
      return { look: () => order("/load/look", { name }), stop: () => order("/load/stop", { name }) };
    },
  };
}

/** Pods are ready, and policy acknowledged, a moment before their clients know their endpoints: resolves when nobody but these servers answers, and each of them does. */
export async function untilAnswered(
  client: TestPod,
  request: LoadCommand["request"],
  servers: readonly string[],
): Promise<void> {
  const command = { ...request, count: 10 * servers.length };
  await eventually(`${servers.join(" and ")} answer`, async () => {
    const names =
      command.kind === "http"
        ? (await client.http(command)).map(({ headers }) => headers["x-server"])
        : (await client.tcp(command)).map(({ received }) => /^(?:greeting from )?([\w-]+)/.exec(received)?.[1]);
    const others = names.filter((name) => name === undefined || !servers.includes(name));
    return others.length === 0 && servers.every((server) => names.includes(server));
  });
}

/** What a test pod's HTTP server said. Throws for any other answer. */
export function answerOf(result: HttpResult | undefined): ServerAnswer {
  if (result?.status !== 200) throw new Error(`not an answer of a server: ${JSON.stringify(result)}`);
  return JSON.parse(result.body) as ServerAnswer;
}

/** How often each value came: `{ 200: 5, 403: 1 }`. */
export function counted(values: readonly (string | number)[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
