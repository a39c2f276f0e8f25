/** The pure decisions about a pod: its programs, its status, its node's ranges. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { buildProgram } from "./build-program.ts";
import type { Container, Pod } from "./kubernetes-objects.ts";
import { nodeAddresses, overlap } from "./node-network.ts";
import { buildPodStatus, type ContainerView, type PodView } from "./pod-status.ts";
import { probeCheck } from "./readiness.ts";

const container: Container = {
  name: "app",
  command: ["node", "$(FILE)"],
  args: ["$(UNKNOWN)", "$$(FILE)"],
  env: [
    { name: "DIR", value: "/srv" },
    { name: "FILE", value: "$(DIR)/app.js" },
    { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
    { name: "APP", valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
  ],
  ports: [{ name: "http", containerPort: 8080 }],
};
const pod: Pod = {
  metadata: { name: "web-1", namespace: "shop", uid: "u", labels: { app: "web" } },
  spec: { containers: [container], securityContext: { runAsUser: 1000 } },
};
const context = {
  podIp: "10.160.0.2",
  hostIp: "172.29.0.2",
  nodeName: "weft-local",
  searchPath: "/bin",
  workingDir: "/work",
  logPath: "/log",
};

test("buildProgram() expands variables, reads the pod's fields and takes the pod's user", () => {
  const built = buildProgram(pod, container, context);
  assert.ok(built.ok);
  assert.deepEqual(built.program.argv, ["node", "/srv/app.js", "$(UNKNOWN)", "$(FILE)"]);
  assert.deepEqual(built.program.environment, {
    PATH: "/bin",
    HOME: "/",
    HOSTNAME: "web-1",
    DIR: "/srv",
    FILE: "/srv/app.js",
    IP: "10.160.0.2",
    APP: "web",
  });
  assert.deepEqual([built.program.uid, built.program.workingDir], [1000, "/work"]);
});

test("buildProgram() says what it cannot run", () => {
  const refused = buildProgram(pod, { name: "app" }, context);
  assert.ok(!refused.ok && refused.message.includes("no command"));
  const secret = buildProgram(pod, { ...container, env: [{ name: "S", valueFrom: {} }] }, context);
  assert.ok(!secret.ok && secret.message.includes("variable S"));
});

test("probeCheck() finds a port by its name, and names the one it does not find", () => {
  const found = probeCheck({ httpGet: { path: "live", port: "http" } }, container);
  assert.deepEqual(found, {
    ok: true,
    check: { kind: "http", scheme: "http", port: 8080, path: "/live", headers: {} },
  });
  const missing = probeCheck({ tcpSocket: { port: "grpc" } }, container);
  assert.ok(!missing.ok && missing.message.includes("grpc"));
});

const running = { kind: "running", pid: 1, startedAt: "t0" } as const;
const ended = (exitCode: number) => ({ kind: "terminated", exitCode, startedAt: "t0", finishedAt: "t1" }) as const;
const view = (state: ContainerView["state"], more: Partial<PodView> = {}): PodView => ({
  hostIp: "h",
  podIp: "p",
  startTime: "t0",
  containers: [{ name: "app", image: "", state, lastTermination: undefined, restarts: 0, ready: state === running }],
  restartPolicy: "Always",
  ...more,
});
const conditions = (status: { conditions: readonly { type: string; status: string }[] }) =>
  Object.fromEntries(status.conditions.map(({ type, status: holds }) => [type, holds]));

test("buildPodStatus(): ready needs the sidecar too", () => {
  assert.equal(conditions(buildPodStatus(view(running), undefined, "t2"))["Ready"], "True");
  const waiting = conditions(buildPodStatus(view(running, { proxyReady: false }), undefined, "t2"));
  assert.deepEqual([waiting["weft.dev/ProxyReady"], waiting["Ready"]], ["False", "False"]);
});

test("buildPodStatus() keeps the time of a condition that did not change", () => {
  const first = buildPodStatus(view(running), undefined, "t2");
  const second = buildPodStatus(view(running, { proxyReady: false }), first, "t3");
  const times = Object.fromEntries(second.conditions.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]));
  assert.deepEqual([times["PodScheduled"], times["Ready"]], ["t2", "t3"]);
});

const phase = (state: ContainerView["state"], restartPolicy: PodView["restartPolicy"]): string =>
  buildPodStatus(view(state, { restartPolicy }), undefined, "t").phase;

test("buildPodStatus(): the phase follows the restart policy", () => {
  assert.equal(phase(ended(0), "Always"), "Running");
  assert.equal(phase(ended(0), "OnFailure"), "Succeeded");
  assert.equal(phase(ended(1), "OnFailure"), "Running");
  assert.equal(phase(ended(1), "Never"), "Failed");
  assert.equal(phase({ kind: "waiting", reason: "ContainerCreating", message: "" }, "Always"), "Pending");
});

test("nodes have ranges that do not overlap", () => {
  const ranges = Array.from({ length: 16 }, (_, index) => nodeAddresses(index)).flatMap((node) => [
    node.podCidr,
    node.serviceCidr,
    `${node.gatewayAddress}/30`,
  ]);
  for (const [index, one] of ranges.entries()) {
    for (const other of ranges.slice(index + 1)) assert.equal(overlap(one, other), false, `${one} ${other}`);
  }
  assert.equal(overlap("10.0.0.0/8", "10.160.0.0/16"), true);
});
