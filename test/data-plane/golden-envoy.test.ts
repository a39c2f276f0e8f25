import assert from "node:assert/strict";
import { before, suite, test } from "node:test";
import { findEnvoy } from "../../local/data-plane/envoy-binary.ts";
import { resourceId } from "../../shared/core/xds/resource.ts";
import { createTestAuthority } from "../support/envoy-ads/certificates.ts";
import { startGatewayServer } from "../support/envoy-ads/gateway-server.ts";
import { proveView } from "../support/envoy-ads/prove-view.ts";
import { completeView } from "../support/envoy-ads/served-view.ts";
import { goldenRoot, readCases, readerOf } from "../support/golden/case.ts";
import { type ClassFile, viewIn, type XdsFile } from "../support/golden/xds-file.ts";

const authority = createTestAuthority("cluster.local");
const cases = await readCases();

/**
 * Mistakes that a person might bless by `npm run golden`. A refusal names all that came in one response: which routes
 * these are depends on when Envoy asked for each.
 */
const planted: readonly {
  readonly what: string;
  readonly from: string;
  readonly plant: (text: string) => string;
  readonly expected: RegExp;
  /** Set where Envoy refuses nothing: how long it may take to settle, in ms. A refusal ends the wait at once. */
  readonly deadlineMs?: number;
}[] = [
  {
    what: "a path expression that is not RE2",
    from: "traffic-split-matches",
    plant: (text) => text.replaceAll(".*Firefox.*", "(?=Firefox)"),
    expected: /^route refused \(.*shop\/server\/80.*invalid perl operator/,
  },
  {
    what: "weights that add up to 0",
    from: "traffic-split-50-50",
    plant: (text) => text.replaceAll("weight: 50", "weight: 0"),
    expected: /^route refused \(.*shop\/server\/80.*greater than 0/s,
  },
  {
    what: "an endpoint set that clusters do not name as it is named",
    from: "permissive-basics",
    plant: (text) => text.replace("serviceName: shop/server/80/all", "serviceName: shop/server/80/al"),
    expected: /^endpoint shop\/server\/80\/all is not in use/,
    deadlineMs: 3000,
  },
  {
    what: "a trust set that nobody defined",
    from: "permissive-basics",
    plant: (text) =>
      text.replaceAll(
        "validationContextSdsSecretConfig: { name: trust-none",
        "validationContextSdsSecretConfig: { name: trust-nobody",
      ),
    expected: /^warming: |is not in use/,
    deadlineMs: 3000,
  },
];

/** Each Envoy is fresh, so nothing of another view can help this one. More at a time only wait for each other. */
suite("a real Envoy takes every golden xDS file from the gateway's own streams", {
  concurrency: 2,
  timeout: 300_000,
}, () => {
  let binary = "";

  before(async () => {
    const found = await findEnvoy({ environment: process.env, report: () => undefined });
    assert.ok(found.ok, found.ok ? "" : found.problems.join("; "));
    binary = found.path;
  });

  const prove = (file: XdsFile, { key, account }: ClassFile, deadlineMs?: number): Promise<readonly string[]> =>
    proveView(completeView(viewIn(file, key), { authority, account }), {
      binary,
      startServer: startGatewayServer,
      ...(deadlineMs !== undefined && { deadlineMs }),
    });

  // Many cases have classes in common: what they get is proven once.
  const proven = new Set<string>();
  for (const { name, files } of cases) {
    const file = readerOf(files)("xds");
    for (const own of file.classes) {
      const contents = contentsOf(file, own);
      if (proven.has(contents)) continue;
      proven.add(contents);
      test(`${name}: ${own.account}`, async () => assert.deepEqual(await prove(file, own), []));
    }
  }

  for (const { what, from, plant, expected, deadlineMs } of planted) {
    test(`the check fails on ${what}`, async () => {
      const text = cases.find(({ name }) => name === from)?.files.get("xds");
      assert.ok(text !== undefined, `no ${from} in ${goldenRoot}`);
      const bad = plant(text);
      assert.notEqual(bad, text);
      const file = readerOf(new Map([["xds", bad]]))("xds");
      const own = file.classes.find(({ account }) => account === "shop/client");
      assert.ok(own);
      const faults = await prove(file, own, deadlineMs);
      assert.ok(
        faults.some((fault) => expected.test(fault)),
        `none of these: ${faults.join("\n")}`,
      );
    });
  }
});

function contentsOf(file: XdsFile, { resources }: ClassFile): string {
  const own = new Set<string>(resources);
  return file.resources
    .filter((resource) => own.has(resourceId(resource)))
    .map(({ type, name, version }) => `${type}|${name}@${version}`)
    .join("\n");
}
