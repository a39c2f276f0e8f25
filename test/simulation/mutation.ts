import type { FunctionsApp } from "../../functions/compose.ts";
import type { FunctionParts } from "../../functions/ports.ts";
import type { Disk } from "../../gateway/disk/disk.ts";
import type { KubernetesCall, KubernetesClient, KubernetesObject } from "../../gateway/kubernetes/client.ts";
import type { GatewayParts } from "../../gateway/ports.ts";
import { type Envelope, sealEnvelope } from "../../shared/core/events/envelope.ts";
import type { Send } from "../../shared/core/stream/stream.ts";
import type { DocumentStore, StoredDocument } from "../../shared/ports/document-store.ts";
import type { Head } from "../../shared/store/documents.ts";
import { publisherKey } from "./keys.ts";
import type { ProxyWire } from "./model-proxy.ts";

/** A bug that is planted at the edge of a program: with what it is given it behaves as if it were wrong itself. */
export interface Mutation {
  readonly gateway: (parts: GatewayParts) => GatewayParts;
  readonly functions: (parts: FunctionParts) => FunctionParts;
  readonly app: (app: FunctionsApp) => FunctionsApp;
  readonly disk: (disk: Disk) => Disk;
  readonly proxy: ProxyWire;
}

export const noMutation: Mutation = {
  gateway: (parts) => parts,
  functions: (parts) => parts,
  app: (app) => app,
  disk: (disk) => disk,
  proxy: { send: (send) => send, request: (request) => request },
};

/** Each must be found. */
export const mutations: Readonly<Record<string, Mutation>> = {
  "ingest takes events of old epochs": { ...noMutation, app: (app) => withMessages(app, asIfNext) },
  "ingest takes what is not signed": { ...noMutation, app: (app) => withMessages(app, asIfSigned) },
  "the head is written whatever is there": {
    ...noMutation,
    functions: (parts) => ({ ...parts, documents: withoutPreconditions(parts.documents) }),
  },
  "the follower takes older versions for news": {
    ...noMutation,
    gateway: (parts) => ({ ...parts, documents: withOldHeads(parts.documents) }),
  },
  "the publisher lists from what it remembers": {
    ...noMutation,
    gateway: (parts) => ({ ...parts, client: withOldLists(parts.client) }),
  },
  "functions do not see pins": {
    ...noMutation,
    functions: (parts) => ({ ...parts, documents: withoutPins(parts.documents) }),
  },
  "the gateway hears of endpoints that come, not of those that go": {
    ...noMutation,
    gateway: (parts) => ({
      ...parts,
      client: withSliceEvents(parts.client, (event) => event.type === "ADDED" && event),
    }),
  },
  "the gateway takes one pod's address for another's": {
    ...noMutation,
    gateway: (parts) => ({ ...parts, client: withSliceEvents(parts.client, ofAnotherPod) }),
  },
  "what a record names is on disk after it": { ...noMutation, disk: (disk) => withContentLater(disk) },
  "a start does not find what the process before it kept": {
    ...noMutation,
    disk: (disk) => ({ ...disk, read: async (file) => (file === "record" ? undefined : disk.read(file)) }),
  },
  "proxies are not told what to drop": withSends((send) => ({ ...send, removed: [] })),
  "a policy of another proxy is sent": withSends(withPolicyBefore()),
  "what a proxy says it has is not read": {
    ...noMutation,
    proxy: { ...noMutation.proxy, request: (request) => ({ ...request, held: new Map() }) },
  },
};

function withSends(send: ProxyWire["send"]): Mutation {
  return { ...noMutation, proxy: { ...noMutation.proxy, send } };
}

type Change = (envelope: Envelope, head: Head | undefined) => Envelope;

function withMessages(app: FunctionsApp, change: Change): FunctionsApp {
  return {
    ...app,
    async ingestEvents(messages) {
      const head = await readHead(app.parts.documents).catch(() => undefined);
      await app.ingestEvents(messages.map((message) => (isEnvelope(message) ? change(message, head) : message)));
    },
  };
}

function isEnvelope(message: unknown): message is Envelope {
  return typeof message === "object" && message !== null && typeof (message as Partial<Envelope>).event === "string";
}

async function readHead(documents: DocumentStore): Promise<Head | undefined> {
  const [cluster] = await documents.partitionsWith("clusters", "head");
  return cluster === undefined ? undefined : (await documents.get<Head>("clusters", cluster, "head"))?.body;
}

const asIfSigned: Change = ({ event }) => sealEnvelope(event, publisherKey);

const asIfNext: Change = (envelope, head) => {
  const event = JSON.parse(envelope.event) as { readonly epoch?: number; readonly type?: string };
  if (head === undefined || event.type !== "ObjectApplied" || !(Number(event.epoch) < head.applied.epoch))
    return envelope;
  const position = { epoch: head.applied.epoch, seq: head.applied.seq + 1 };
  return sealEnvelope(JSON.stringify({ ...event, ...position }), publisherKey);
};

function withoutPreconditions(documents: DocumentStore): DocumentStore {
  return {
    ...documents,
    batch: (container, operations) =>
      documents.batch(
        container,
        operations.map(({ document }) => ({ kind: "put", document })),
      ),
  };
}

/** Every fourth read of the head is of an older one, which passes for new. */
function withOldHeads(documents: DocumentStore): DocumentStore {
  const heads: Head[] = [];
  let reads = 0;
  return {
    ...documents,
    async get<Body>(container: Parameters<DocumentStore["get"]>[0], partition: string, id: string) {
      const stored = await documents.get<Body>(container, partition, id);
      if (container !== "clusters" || id !== "head" || stored === undefined) return stored;
      const head = stored.body as Head;
      heads.push(head);
      const older = heads.findLast((other) => other.served !== undefined && other.version < head.version);
      if (older === undefined || ++reads % 4 > 0) return stored;
      return { ...stored, body: { ...older, version: head.version + 1 } } as StoredDocument<Body>;
    },
  };
}

/** A list that is not the first is the one before, said to be of now. */
function withOldLists(client: KubernetesClient): KubernetesClient {
  interface List {
    readonly metadata: object;
    readonly items: readonly KubernetesObject[];
  }
  const lists = new Map<string, List>();
  return {
    ...client,
    async call<T>(call: KubernetesCall): Promise<T> {
      const answer = await client.call<T>(call);
      const list = answer as Partial<List> | undefined;
      if (list?.items === undefined) return answer;
      const before = lists.get(call.path);
      lists.set(call.path, answer as List);
      return before === undefined ? answer : ({ ...answer, items: before.items } as T);
    },
  };
}

function withoutPins(documents: DocumentStore): DocumentStore {
  return {
    ...documents,
    async get<Body>(container: Parameters<DocumentStore["get"]>[0], partition: string, id: string) {
      const stored = await documents.get<Body>(container, partition, id);
      if (container !== "clusters" || id !== "head" || stored === undefined) return stored;
      const { pin: _, ...head } = stored.body as Head;
      return { ...stored, body: head } as StoredDocument<Body>;
    },
  };
}

/** Content is acknowledged at once, and on disk some seconds later. */
function withContentLater(disk: Disk): Disk {
  const content = disk.within("content");
  const written = new Map<string, Buffer>();
  const later: Disk = {
    ...content,
    read: async (file) => written.get(file) ?? content.read(file),
    readPart: async (file, part) =>
      written.get(file)?.subarray(part.start, part.end) ?? (await content.readPart(file, part)),
    async replace(file, bytes) {
      written.set(file, Buffer.from(bytes));
      setTimeout(() => void content.replace(file, bytes).catch(() => undefined), 10_000);
    },
  };
  return { ...disk, within: () => later };
}

interface SliceEvent {
  readonly type: string;
  readonly object: KubernetesObject & {
    readonly endpoints?: readonly { readonly targetRef: { readonly name: string } }[];
  };
}

/** What watches of EndpointSlices tell, changed or kept back. */
function withSliceEvents(
  client: KubernetesClient,
  change: (event: SliceEvent) => SliceEvent | false,
): KubernetesClient {
  return {
    ...client,
    watch: (path, signal, line) =>
      client.watch(path, signal, (text) => {
        const event = path.includes("/endpointslices") ? change(JSON.parse(text) as SliceEvent) : undefined;
        if (event !== false) line(event === undefined ? text : JSON.stringify(event));
      }),
  };
}

const ofAnotherPod = ({ type, object }: SliceEvent): SliceEvent => {
  const endpoints = (object.endpoints ?? []).map((endpoint) => ({
    ...endpoint,
    targetRef: { ...endpoint.targetRef, uid: undefined, name: endpoint.targetRef.name === "buyer" ? "store" : "buyer" },
  }));
  return { type, object: { ...object, endpoints } };
};

/** Every policy is the one that was sent before it, to whomever. */
function withPolicyBefore(): (send: Send) => Send {
  let before: Send["resources"][number] | undefined;
  return (send) => {
    if (send.type !== "extension") return send;
    const resources = send.resources.map((resource) => {
      const sent = before === undefined ? resource : { ...before, name: resource.name };
      before = resource;
      return sent;
    });
    return { ...send, resources };
  };
}
