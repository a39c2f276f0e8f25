import type * as z from "zod";
import { toDotPath } from "zod/v4/core";
import { isJsonObject, type Json } from "../canonical.ts";
import type { Problem } from "../mesh/problem.ts";
import type { MeshObject, ObjectKey } from "../object.ts";

export type Read<T> = { readonly value: T } | { readonly problem: Problem };

/** An object's body as its schema says, or the one problem why not: then nothing is taken from the object, and what needs it stays closed. */
export function readObject<T>(object: MeshObject, schema: z.ZodType<T>): Read<T> {
  const refusal = refusalOf(object);
  if (refusal !== undefined) return { problem: { code: "object-refused", object: object.key, message: refusal } };
  const parsed = schema.safeParse(object.body);
  if (parsed.success) return { value: parsed.data };
  return { problem: { code: "object-unreadable", object: object.key, message: firstFault(parsed.error) } };
}

/** Reads a list of objects: what could be read, beside its key, and a problem for each that could not. */
export function readObjects<T>(
  objects: readonly MeshObject[],
  schema: z.ZodType<T>,
): { readonly read: readonly (T & { readonly key: ObjectKey })[]; readonly problems: readonly Problem[] } {
  const read: (T & { readonly key: ObjectKey })[] = [];
  const problems: Problem[] = [];
  for (const object of objects) {
    const result = readObject(object, schema);
    if ("value" in result) read.push({ ...result.value, key: object.key });
    else problems.push(result.problem);
  }
  return { read, problems };
}

/** Why the publisher could not send the object, from the marker that stands for it in the state (design.md §3, bad bodies). */
function refusalOf({ body }: MeshObject): string | undefined {
  const { refused } = body;
  if (typeof refused === "string") return refused;
  if (!isJsonObject(refused)) return undefined;
  const { reason } = refused as { readonly reason?: Json };
  return typeof reason === "string" ? reason : "the object was refused";
}

function firstFault(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return "the body does not fit its kind";
  return `${toDotPath(issue.path) || "the body"}: ${issue.message}`;
}
