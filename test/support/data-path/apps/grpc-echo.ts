import { Client, credentials, Server, ServerCredentials, type ServerDuplexStream, status } from "@grpc/grpc-js";
import type { GrpcCommand, GrpcResult } from "./commands.ts";

// Messages are UTF-8 text: the mesh does not care, and a test needs no schema.
const serialize = (text: string): Buffer => Buffer.from(text);
const deserialize = (bytes: Buffer): string => bytes.toString();
const common = {
  requestSerialize: serialize,
  requestDeserialize: deserialize,
  responseSerialize: serialize,
  responseDeserialize: deserialize,
};
const paths = { Say: "/test.Echo/Say", Chat: "/test.Echo/Chat" } as const;

/** Echoes with its name in front, one message or a stream of them. Resolves once it listens. */
export async function startGrpcEcho(name: string, port: number): Promise<Server> {
  const server = new Server();
  server.addService(
    {
      Say: { ...common, path: paths.Say, requestStream: false, responseStream: false },
      Chat: { ...common, path: paths.Chat, requestStream: true, responseStream: true },
    },
    {
      Say(call: { readonly request: string }, answer: (error: null, text: string) => void) {
        answer(null, `${name}: ${call.request}`);
      },
      Chat(call: ServerDuplexStream<string, string>) {
        call.on("data", (text: string) => call.write(`${name}: ${text}`));
        call.on("end", () => call.end());
      },
    },
  );
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.bindAsync(`0.0.0.0:${port}`, ServerCredentials.createInsecure(), (error) =>
    error === null ? resolve() : reject(error),
  );
  await promise;
  return server;
}

/** Never rejects: what went wrong is the status. */
export async function callGrpcEcho({ target, method, message, timeoutMs = 10_000 }: GrpcCommand): Promise<GrpcResult> {
  const client = new Client(target, credentials.createInsecure());
  const { promise, resolve } = Promise.withResolvers<GrpcResult>();
  const messages: string[] = [];
  const deadline = Date.now() + timeoutMs;
  if (method === "Say") {
    client.makeUnaryRequest(paths.Say, serialize, deserialize, message, { deadline }, (error, answer) => {
      if (answer !== undefined) messages.push(answer);
      resolve({ code: error?.code ?? status.OK, details: error?.details ?? "", messages });
    });
  } else {
    const call = client.makeBidiStreamRequest(paths.Chat, serialize, deserialize, { deadline });
    call.on("data", (text: string) => {
      messages.push(text);
      // Each message waits for the answer to the one before: both directions are open at the same time.
      if (messages.length < 3) call.write(message);
      else call.end();
    });
    call.on("error", () => undefined); // the status says it
    call.on("status", ({ code, details }) => resolve({ code, details: code === status.OK ? "" : details, messages }));
    call.write(message);
  }
  return promise.finally(() => client.close());
}
