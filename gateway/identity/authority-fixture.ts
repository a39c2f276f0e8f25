import type { AuthorityMaterial, AuthorityStore } from "./certificate-authority.ts";

export interface MemoryAuthorityStore extends AuthorityStore {
  saved: AuthorityMaterial | undefined;
  /** Asks for another root. */
  request: string | undefined;
}

/** For tests: what the Secret would hold. */
export function createMemoryAuthorityStore(): MemoryAuthorityStore {
  const store: MemoryAuthorityStore = {
    saved: undefined,
    request: undefined,
    load: () => Promise.resolve(store.saved && { material: store.saved, request: store.request }),
    save(next, previous) {
      if (store.saved !== previous) return Promise.resolve(false);
      store.saved = next;
      return Promise.resolve(true);
    },
  };
  return store;
}
