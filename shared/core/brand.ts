/** A primitive that only its own constructor can make. Costs nothing at run time. */
export type Brand<T, Name extends string> = T & { readonly __brand: Name };

/** sha-256 of canonical bytes, first 96 bits, base64url: 16 characters. */
export type ContentHash = Brand<string, "ContentHash">;
