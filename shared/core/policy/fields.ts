import * as z from "zod";

/** Go's JSON encoder writes null for an empty list or a field without value; both mean absent. */
export function absent<T>(schema: z.ZodType<T>): z.ZodType<T | undefined> {
  return schema.nullish().transform((value) => value ?? undefined);
}

/**
 * Names are checked before they become part of an identity: accounts may hold dots and namespaces may not, so a namespace with a dot
 * in it could spell the DNS name of somebody else's account.
 */
export const namespaceName = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "is not the name of a namespace");

export const objectName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, "is not a name that Kubernetes allows");

export const portNumber = z.int().min(1).max(65535);

/** RFC 3339. */
export const creationTimestamp = z.string().optional();
