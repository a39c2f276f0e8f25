/** From a request to the code that answers it. */
import { ApiError, badRequest, methodNotAllowed, noSuchPath } from "../api-error.ts";
import { at, ensureRecord, type JsonRecord } from "../json.ts";
import { namespaceKind } from "../kinds/namespace.ts";
import { serviceAccountKind } from "../kinds/plain-kinds.ts";
import { podKind } from "../kinds/pod.ts";
import { storedObject } from "../operations/update.ts";
import type { Target } from "../operations/write-options.ts";
import { requestToken } from "../tokens/token-request.ts";
import { issuer } from "../tokens/tokens.ts";
import type { World } from "../world.ts";
import { type ApiPath, parseApiPath } from "./api-path.ts";
import { befall, type Faults } from "./befall.ts";
import { answer, answerText, type Call, parseBody, readBody } from "./call.ts";
import { aggregatedDiscovery, discovery } from "./discovery.ts";
import { negotiate } from "./media-type.ts";
import { openApiV2, openApiV2Protobuf, openApiV3, openApiV3Index } from "./openapi.ts";
import { getObject, listObjects, type Pages } from "./read.ts";
import { answerReview } from "./reviews.ts";
import { isTrue } from "./selection.ts";
import { serverVersion } from "./version.ts";
import type { Watches } from "./watch.ts";
import { handleCreate, handleDelete, handlePatch, handleUpdate } from "./write.ts";

export interface Routes {
  readonly world: World;
  readonly faults: Faults;
  readonly watches: Watches;
  readonly pages: Pages;
  /** "HOST:PORT" that discovery tells clients. */
  readonly address: string;
}

/** Paths that are answered to anybody. */
export function isPublic(pathname: string): boolean {
  return /^\/(version|healthz|livez|readyz)(\/.*)?$/.test(pathname);
}

/** Answers everything but the objects themselves; false for other paths. */
function answerDocument({ world, address }: Routes, call: Call): boolean {
  const { registry } = world;
  const { pathname } = call.url;
  const root = pathname === "/api" ? "api" : "apis";
  if (pathname === "/version" || pathname === "/version/") answer(call, 200, serverVersion);
  else if (isPublic(pathname)) answerText(call, 200, { text: "ok", contentType: "text/plain; charset=utf-8" });
  else if (pathname === "/openapi/v2") answerOpenApiV2(call, world);
  else if (pathname === "/openapi/v3" || pathname === "/openapi/v3/") answer(call, 200, openApiV3Index(registry));
  else if (pathname.startsWith("/openapi/v3/")) {
    const text = openApiV3(registry, pathname.slice("/openapi/v3/".length));
    answerText(call, 200, { text, contentType: "application/json" });
  } else if (pathname === "/openid/v1/jwks") answer(call, 200, world.tokens.keySet);
  else if (pathname === "/.well-known/openid-configuration") answer(call, 200, openIdConfiguration);
  else if (pathname === "/api" || pathname === "/apis") {
    const { form, contentType } = negotiate(call.request.headers.accept, ["aggregated-discovery", "object"]);
    const plain = discovery(registry, pathname, address);
    const document = form === "aggregated-discovery" ? aggregatedDiscovery(registry, root) : plain;
    answerText(call, 200, { text: `${JSON.stringify(document)}\n`, contentType });
  } else {
    const document = discovery(registry, pathname, address);
    if (document === undefined) return false;
    answer(call, 200, document);
  }
  return true;
}

const openIdConfiguration = {
  issuer,
  jwks_uri: `${issuer}/openid/v1/jwks`,
  response_types_supported: ["id_token"],
  subject_types_supported: ["public"],
  id_token_signing_alg_values_supported: ["ES256"],
};

function answerOpenApiV2(call: Call, { registry }: World): void {
  if (!call.request.headers.accept?.includes("proto-openapi.spec.v2")) {
    answer(call, 200, openApiV2(registry));
    return;
  }
  const contentType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
  call.response.writeHead(200, { "Content-Type": contentType });
  call.response.end(openApiV2Protobuf());
}

function findTarget(world: World, call: Call, path: ApiPath): Target {
  const kind = world.registry.find(path.group, path.version, path.plural);
  if (kind === undefined) throw noSuchPath();
  if (!kind.namespaced && path.namespace !== undefined) throw noSuchPath();
  if (kind.namespaced && path.namespace === undefined && path.name !== undefined) throw noSuchPath();
  if (path.subresource !== undefined && !(path.subresource === "status" && kind.hasStatus)) throw noSuchPath();
  if (kind.deprecation !== undefined) call.warnings.push(kind.deprecation);
  return { kind, namespace: path.namespace, name: path.name, subresource: path.subresource };
}

/** Answers a request. Throws ApiError. */
export async function route(routes: Routes, call: Call): Promise<void> {
  const method = call.request.method ?? "GET";
  if (method === "GET" && answerDocument(routes, call)) return;
  const path = parseApiPath(call.url.pathname);
  if (path === undefined) throw noSuchPath();
  // Nothing is looked up before the whole body is here, so that a write is one step.
  const body = method === "GET" ? undefined : await readBody(call.request);
  const befallen = await befall(routes.faults, call, path);
  if (befallen === undefined) return;
  if (body === undefined) answerGet(routes, befallen, findTarget(routes.world, befallen, path));
  else if (!answerSpecial(routes, befallen, { path, body }))
    write(routes, befallen, { target: findTarget(routes.world, befallen, path), body });
}

function answerGet({ world, watches, pages }: Routes, call: Call, target: Target): void {
  const watching = isTrue(call.query, "watch");
  const verb = target.name === undefined ? (watching ? "watch" : "list") : "get";
  if (!target.kind.verbs.includes(verb)) throw methodNotAllowed();
  if (target.name !== undefined && !watching) getObject(world, call, { target, feed: watches.feed });
  else if (call.query.has("watch") && watching) watches.open(call, target);
  else listObjects(world, call, { target, pages, feed: watches.feed });
}

function write({ world }: Routes, call: Call, request: { target: Target; body: Buffer }): void {
  const { target } = request;
  const { method } = call.request;
  const onObject = target.name !== undefined;
  const allowed = (verb: string): boolean => target.kind.verbs.includes(verb);
  if (method === "POST" && !onObject && allowed("create")) {
    if (target.kind.namespaced && target.namespace === undefined) throw methodNotAllowed();
    handleCreate(world, call, request);
  } else if (method === "PUT" && onObject && allowed("update")) handleUpdate(world, call, request);
  else if (method === "PATCH" && onObject && allowed("patch")) handlePatch(world, call, request);
  else if (method === "DELETE" && allowed("delete") && target.subresource === undefined)
    handleDelete(world, call, request);
  else throw methodNotAllowed();
}

/** Tokens, reviews, bindings and the finalizing of namespaces; false for everything else. */
function answerSpecial({ world }: Routes, call: Call, { path, body }: { path: ApiPath; body: Buffer }): boolean {
  const { method } = call.request;
  const kind = world.registry.find(path.group, path.version, path.plural);
  const value = (): unknown => parseBody(body, call.request.headers["content-type"] ?? "");
  if (kind === serviceAccountKind && path.subresource === "token" && method === "POST") {
    const { namespace = "", name = "" } = path;
    answer(call, 201, requestToken(world, { namespace, name }, value()));
    return true;
  }
  if (kind === namespaceKind && path.subresource === "finalize" && method === "PUT") {
    answer(call, 200, finalizeNamespace(world, path.name ?? "", value()));
    return true;
  }
  if (kind === podKind && path.subresource === "binding" && method === "POST") {
    answer(call, 201, bindPod(world, path, value()));
    return true;
  }
  if (kind?.verbs.length !== 1 || method !== "POST") return false;
  answer(call, 201, answerReview(world, call, { kind: kind.kind, body: value() }));
  return true;
}

/** What a scheduler does: a pod is bound once. */
function bindPod(world: World, { namespace, name }: ApiPath, body: unknown): object {
  const node = at(body, "target", "name");
  if (typeof node !== "string" || node === "") throw badRequest("target.name: Required value");
  const target = { kind: podKind, namespace, name, subresource: undefined };
  const pod = structuredClone(storedObject(world, target));
  const bound = at(pod, "spec", "nodeName");
  if (typeof bound === "string" && bound !== "") {
    const message = `Operation cannot be fulfilled on pods/binding "${name}": pod ${name} is already assigned to node "${bound}"`;
    throw new ApiError({ code: 409, reason: "Conflict", message });
  }
  (ensureRecord(pod, "spec") as JsonRecord)["nodeName"] = node;
  world.store.put(podKind.collection, pod);
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };
}

function finalizeNamespace(world: World, name: string, body: unknown): object {
  const target = { kind: namespaceKind, namespace: undefined, name, subresource: undefined };
  const next = structuredClone(storedObject(world, target));
  const finalizers = at(body, "spec", "finalizers");
  if (!Array.isArray(finalizers))
    throw new ApiError({ code: 400, reason: "BadRequest", message: "spec.finalizers must be a list" });
  (ensureRecord(next, "spec") as JsonRecord)["finalizers"] = finalizers;
  return world.store.put(namespaceKind.collection, next);
}
