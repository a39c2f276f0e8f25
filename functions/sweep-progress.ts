import { canonicalJson, contentHash } from "../shared/core/canonical.ts";
import type { DocumentStore, DocumentSweeping } from "../shared/ports/document-store.ts";
import { eachOf } from "../shared/shell/each-of.ts";
import type { SweepPage, SweepProgress, SweepRun } from "../shared/store/documents.ts";

/** A run that was left off, with what it had reached. */
export interface LeftRun {
  readonly run: SweepRun;
  readonly pages: readonly SweepPage[];
}

/** The progress of a cluster's sweep, as it was read. */
export interface ReadProgress {
  /** Of a document that is there. */
  readonly etag?: string;
  /** ISO 8601; empty before the first call. */
  readonly touched: string;
  readonly left?: SweepRun;
}

interface ProgressStore {
  readonly documents: DocumentStore;
  readonly sweeping: DocumentSweeping;
  readonly cluster: string;
}

const progressId = "sweep";
const pagePrefix = "sweep-page:";
/** Hashes of one page: less than a megabyte. */
const pageHashes = 20_000;
const requestsAtOnce = 8;
/** Pages that nobody names, removed at once. */
const strayPages = 500;

export async function readProgress({ documents, cluster }: Pick<ProgressStore, "documents" | "cluster">) {
  const stored = await documents.get<SweepProgress>("clusters", cluster, progressId);
  if (stored === undefined) return { touched: "" } satisfies ReadProgress;
  const { touched, run } = stored.body;
  return { etag: stored.etag, touched, ...(run && { left: run }) } satisfies ReadProgress;
}

/** Undefined when a page of it is gone: then a run begins anew. */
export async function readLeft(
  { documents, cluster }: Pick<ProgressStore, "documents" | "cluster">,
  run: SweepRun,
): Promise<LeftRun | undefined> {
  const pages = new Map<string, SweepPage>();
  await eachOf(run.pages, requestsAtOnce, async (id) => {
    const page = await documents.get<SweepPage>("clusters", cluster, id);
    if (page !== undefined) pages.set(id, page.body);
  });
  const found = run.pages.flatMap((id) => pages.get(id) ?? []);
  return found.length === run.pages.length ? { run, pages: found } : undefined;
}

/**
 * Pages first, then, by compare-and-set, the document that names them, then what it does not name goes: so whoever dies in between leaves the progress that was
 * before. MeshError `precondition-failed` when another call came first.
 */
export async function writeProgress(
  store: ProgressStore,
  before: Pick<ReadProgress, "etag">,
  after: { readonly touched: string; readonly left?: Omit<SweepRun, "pages">; readonly pages: readonly SweepPage[] },
): Promise<void> {
  const { documents, sweeping, cluster } = store;
  const pages = after.left === undefined ? [] : joined(after.pages).map((page) => [pageId(page), page] as const);
  const ids = pages.map(([id]) => id);
  await eachOf(pages, requestsAtOnce, async ([id, body]) => {
    const known = await documents.get("clusters", cluster, id);
    if (known === undefined) await documents.put("clusters", { id, partition: cluster, body });
  });
  const body: SweepProgress = { touched: after.touched, ...(after.left && { run: { ...after.left, pages: ids } }) };
  const document = { id: progressId, partition: cluster, body };
  await documents.batch("clusters", [
    before.etag === undefined ? { kind: "create", document } : { kind: "replace", document, etag: before.etag },
  ]);
  const marks = await sweeping.marks("clusters", cluster, { after: pagePrefix, limit: strayPages });
  const stray = marks.filter(({ id }) => id.startsWith(pagePrefix) && !ids.includes(id));
  await eachOf(stray, requestsAtOnce, async (mark) => void (await sweeping.remove("clusters", cluster, mark)));
}

function pageId(page: SweepPage): string {
  return pagePrefix + contentHash(canonicalJson(page as never));
}

/** Full pages stay as they are, so that they are not written again; small ones are put together. */
function joined(pages: readonly SweepPage[]): readonly SweepPage[] {
  const full = pages.filter(isFull);
  const rest = pages.filter((page) => !isFull(page));
  const all = [
    ...rest.flatMap(({ blocks }) => blocks.map((hash) => ({ kind: "blocks" as const, hash }))),
    ...rest.flatMap(({ versions }) => versions.map((hash) => ({ kind: "versions" as const, hash }))),
  ];
  const made: SweepPage[] = [];
  for (let start = 0; start < all.length; start += pageHashes) {
    const some = all.slice(start, start + pageHashes);
    const of = (kind: (typeof some)[number]["kind"]) => some.flatMap((one) => (one.kind === kind ? [one.hash] : []));
    made.push({ blocks: of("blocks"), versions: of("versions") });
  }
  return [...full, ...made];
}

function isFull({ blocks, versions }: SweepPage): boolean {
  return blocks.length + versions.length >= pageHashes;
}
