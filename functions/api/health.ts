import type { HttpResponseInit } from "@azure/functions";
import { MeshError } from "../../shared/shell/mesh-error.ts";
import type { FunctionParts } from "../ports.ts";

/** 200 when the store answers, else 503; `{ status, clusters }` or `{ status, reason }`. */
export async function health(parts: Pick<FunctionParts, "documents">): Promise<HttpResponseInit> {
  try {
    const clusters = await parts.documents.partitionsWith("clusters", "head");
    return { status: 200, jsonBody: { status: "ok", clusters } };
  } catch (error) {
    return { status: 503, jsonBody: { status: "unavailable", reason: MeshError.from(error).message } };
  }
}
