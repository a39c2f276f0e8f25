import { MeshError } from "./mesh-error.ts";

/** Fails with `unavailable` when `work` takes longer than `milliseconds`; the work itself goes on unobserved. */
export async function withTimeLimit<T>(what: string, milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new MeshError("unavailable", `${what} took longer than ${milliseconds} ms`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
