import assert from "node:assert/strict";
import { test } from "node:test";
import { createManualClock } from "../../test/support/manual-clock.ts";
import {
  createTokenAuthenticator,
  type KnownPod,
  type TokenAuthenticatorOptions,
  type TokenReviewResult,
} from "./token-review.ts";

const review: TokenReviewResult = {
  authenticated: true,
  username: "system:serviceaccount:shop:cart",
  namespace: "shop",
  podName: "cart-1",
  podUid: "u1",
  error: undefined,
};

const pod: KnownPod = {
  uid: "u1",
  serviceAccount: "cart",
  hostNetwork: false,
  addresses: ["10.1.0.2", "fd00::2"],
  deleted: false,
};

function tokenUntil(milliseconds: number): string {
  return `h.${Buffer.from(JSON.stringify({ exp: milliseconds / 1000 })).toString("base64url")}.s`;
}

function setUp(change: { review?: Partial<TokenReviewResult>; pod?: Partial<KnownPod> | "unknown" } = {}) {
  const clock = createManualClock();
  const state = { reviews: 0, pod: change.pod === "unknown" ? undefined : { ...pod, ...change.pod }, away: false };
  const options: TokenAuthenticatorOptions = {
    reviewToken() {
      state.reviews += 1;
      return state.away ? Promise.reject(new Error("away")) : Promise.resolve({ ...review, ...change.review });
    },
    findPod: (namespace, name) => (namespace === "shop" && name === "cart-1" ? state.pod : undefined),
    clock,
  };
  const authenticator = createTokenAuthenticator(options);
  const token = tokenUntil(clock.now() + 3_600_000);
  return {
    clock,
    state,
    token,
    authenticate: (given = token, address = "10.1.0.2") => authenticator.authenticate({ token: given, address }),
  };
}

test("lets in the pod that the token was made for, from any of its addresses", async () => {
  const { authenticate, token } = setUp();
  const identity = { proxy: "shop/cart-1", namespace: "shop", pod: "cart-1", podUid: "u1", serviceAccount: "cart" };
  assert.deepEqual(await authenticate(), identity);
  assert.deepEqual(await authenticate(token, "fd00::2"), identity);
});

const refused: Readonly<Record<string, [Parameters<typeof setUp>[0], string]>> = {
  "Kubernetes says no": [{ review: { authenticated: false, error: "expired" } }, "UNAUTHENTICATED expired"],
  "a user who is no service account": [
    { review: { username: "admin" } },
    "PERMISSION_DENIED admin is not a service account",
  ],
  "a token without pod": [{ review: { podName: "" } }, "PERMISSION_DENIED the token is not bound to a pod"],
  "an account of another namespace": [
    { review: { username: "system:serviceaccount:other:cart" } },
    "PERMISSION_DENIED the token is of another namespace than its pod",
  ],
  "a pod that is not known yet": [{ pod: "unknown" }, "UNAVAILABLE pod shop/cart-1 is not known"],
  "a pod that was deleted": [{ pod: { deleted: true } }, "PERMISSION_DENIED pod shop/cart-1 was deleted"],
  "another pod of that name": [
    { pod: { uid: "u2" } },
    "PERMISSION_DENIED pod shop/cart-1 is not the one that the token was made for",
  ],
  "another account": [
    { pod: { serviceAccount: "bank" } },
    "PERMISSION_DENIED pod shop/cart-1 runs as bank, the token is of cart",
  ],
  "the host's network": [
    { pod: { hostNetwork: true } },
    "PERMISSION_DENIED pod shop/cart-1 uses the host's network, whose address anybody there has",
  ],
  "a pod without address": [{ pod: { addresses: [] } }, "UNAVAILABLE pod shop/cart-1 has no address yet"],
  "another address": [
    { pod: { addresses: ["10.1.0.3"] } },
    "PERMISSION_DENIED 10.1.0.2 is not an address of pod shop/cart-1",
  ],
};

for (const [name, [change, expected]] of Object.entries(refused)) {
  test(`refuses ${name}`, async () => {
    const result = await setUp(change).authenticate();
    assert.ok("code" in result);
    assert.equal(`${result.code} ${result.reason}`, expected);
  });
}

test("remembers a yes until the token expires, and looks at the pod every time", async () => {
  const { authenticate, state, clock } = setUp();
  await Promise.all([authenticate(), authenticate()]);
  assert.equal(state.reviews, 1);
  state.away = true;
  clock.pass(3_599_000);
  assert.ok(!("code" in (await authenticate())));
  state.pod = undefined;
  assert.ok("code" in (await authenticate()));
  state.pod = pod;
  clock.pass(2000);
  const expired = await authenticate();
  assert.ok("code" in expired);
  assert.equal(`${expired.code} ${expired.reason}`, "UNAVAILABLE the token could not be reviewed: away");
});

test("remembers no refusal, and nothing of a token that does not say when it ends", async () => {
  const no = setUp({ review: { authenticated: false } });
  await no.authenticate();
  await no.authenticate();
  assert.equal(no.state.reviews, 2);
  const endless = setUp();
  await endless.authenticate("not-a-jwt");
  await endless.authenticate("not-a-jwt");
  assert.equal(endless.state.reviews, 2);
});
