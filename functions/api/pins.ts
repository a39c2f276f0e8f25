import type { HttpRequest, HttpResponseInit, InvocationContext } from "@azure/functions";
import * as z from "zod";
import { MeshError, type MeshErrorCode } from "../../shared/shell/mesh-error.ts";
import type { ClusterPins } from "../pin-cluster.ts";

const actor = { who: z.string().min(1).max(200), why: z.string().min(1).max(500) };
const bodies = {
  rollback: z.object({ ...actor, to: z.int().min(1) }),
  freeze: z.object(actor),
  release: z.object({ ...actor, kind: z.enum(["rollback", "freeze", "hold", "stage"]) }),
};

type PinHandler = (
  request: Pick<HttpRequest, "params" | "json" | "headers">,
  context?: InvocationContext,
) => Promise<HttpResponseInit>;

/**
 * `POST /api/clusters/{cluster}/rollback|freeze|release` with `{ who, why }`, and `to` or `kind`. Where the platform knows the caller, that is who. 200
 * `{ version }`, 400 for a body that is not this, 409 `{ error }` when the head does not allow it, 503 when it cannot be told: look, and try again.
 */
export function pinHandlers(pins: ClusterPins): Readonly<Record<keyof typeof bodies, PinHandler>> {
  return {
    rollback: handler(bodies.rollback, (cluster, { to, ...by }) => pins.rollback(cluster, to, by)),
    freeze: handler(bodies.freeze, (cluster, by) => pins.freeze(cluster, by)),
    release: handler(bodies.release, (cluster, { kind, ...by }) => pins.release(cluster, kind, by)),
  };
}

const statuses: Partial<Record<MeshErrorCode, number>> = {
  "precondition-failed": 409,
  throttled: 503,
  unavailable: 503,
};

function handler<Body extends { readonly who: string; readonly why: string }>(
  schema: z.ZodType<Body>,
  act: (cluster: string, body: Body) => Promise<number>,
): PinHandler {
  return async (request) => {
    const caller = request.headers.get("x-ms-client-principal-name");
    const parsed = schema.safeParse(await bodyOf(request, caller));
    if (!parsed.success) return { status: 400, jsonBody: { error: z.prettifyError(parsed.error) } };
    try {
      return { status: 200, jsonBody: { version: await act(request.params["cluster"] ?? "", parsed.data) } };
    } catch (thrown) {
      const { code, message } = MeshError.from(thrown);
      return { status: statuses[code] ?? 500, jsonBody: { error: message } };
    }
  };
}

async function bodyOf(request: Pick<HttpRequest, "json">, caller: string | null): Promise<unknown> {
  try {
    const body = await request.json();
    return caller === null ? body : { ...(body as object), who: caller };
  } catch {
    return undefined; // not JSON: the schema says what is missing
  }
}
