import type { Fault } from "../api-error.ts";
import {
  at,
  ensureRecord,
  type JsonRecord,
  listOf,
  recordOf,
  recordsOf,
  sameJson,
  setDefault,
  textOf,
} from "../json.ts";
import type { KubernetesObject } from "../object.ts";
import { ageColumn, nameColumn, textColumn, wideColumn } from "../tables/columns.ts";
import { humanDuration } from "../tables/human-duration.ts";
import { defineKind } from "./define-kind.ts";

const containerLists = ["initContainers", "containers"];
const finished = ["Succeeded", "Failed"];

function prepareContainer(container: JsonRecord): void {
  const image = textOf(container["image"]);
  const latest = !image.includes("@") && (!/:[^/]+$/.test(image) || image.endsWith(":latest"));
  setDefault(container, "imagePullPolicy", latest ? "Always" : "IfNotPresent");
  setDefault(container, "terminationMessagePath", "/dev/termination-log");
  setDefault(container, "terminationMessagePolicy", "File");
  setDefault(container, "resources", {});
  for (const port of recordsOf(container["ports"])) setDefault(port, "protocol", "TCP");
  for (const probe of ["livenessProbe", "readinessProbe", "startupProbe"].map((name) => container[name])) {
    prepareProbe(probe);
  }
  for (const variable of recordsOf(container["env"])) {
    const field = at(variable, "valueFrom", "fieldRef");
    if (field !== undefined) setDefault(field as JsonRecord, "apiVersion", "v1");
  }
}

function prepareProbe(probe: unknown): void {
  if (probe === undefined || probe === null) return;
  const values = probe as JsonRecord;
  setDefault(values, "timeoutSeconds", 1);
  setDefault(values, "periodSeconds", 10);
  setDefault(values, "successThreshold", 1);
  setDefault(values, "failureThreshold", 3);
  const request = values["httpGet"];
  if (request === undefined) return;
  setDefault(request as JsonRecord, "scheme", "HTTP");
  setDefault(request as JsonRecord, "path", "/");
}

function prepareVolume(volume: JsonRecord): void {
  for (const name of ["secret", "configMap", "downwardAPI", "projected"]) {
    const source = volume[name];
    if (source !== undefined) setDefault(source as JsonRecord, "defaultMode", 0o644);
  }
  for (const source of recordsOf(at(volume, "projected", "sources"))) {
    const token = source["serviceAccountToken"];
    if (token !== undefined) setDefault(token as JsonRecord, "expirationSeconds", 3600);
  }
}

function prepare(draft: KubernetesObject, old: KubernetesObject | undefined): void {
  const spec = ensureRecord(draft, "spec");
  const account = textOf(spec["serviceAccountName"]) || textOf(spec["serviceAccount"]) || "default";
  spec["serviceAccountName"] = account;
  spec["serviceAccount"] = account;
  setDefault(spec, "restartPolicy", "Always");
  setDefault(spec, "terminationGracePeriodSeconds", 30);
  setDefault(spec, "dnsPolicy", "ClusterFirst");
  setDefault(spec, "securityContext", {});
  setDefault(spec, "schedulerName", "default-scheduler");
  setDefault(spec, "enableServiceLinks", true);
  setDefault(spec, "preemptionPolicy", "PreemptLowerPriority");
  setDefault(spec, "priority", 0);
  for (const list of containerLists) for (const container of recordsOf(spec[list])) prepareContainer(container);
  for (const volume of recordsOf(spec["volumes"])) prepareVolume(volume);
  if (old === undefined) draft["status"] = { phase: "Pending", qosClass: "BestEffort" };
}

const required = (field: string): Fault => ({ field, type: "FieldValueRequired", detail: "Required value" });

function validate(pod: KubernetesObject, old: KubernetesObject | undefined): Fault[] {
  const spec = recordOf(pod["spec"]);
  const faults: Fault[] = listOf(spec["containers"]).length === 0 ? [required("spec.containers")] : [];
  const names = new Set<unknown>();
  for (const list of containerLists) {
    recordsOf(spec[list]).forEach((container, index) => {
      const field = `spec.${list}[${index}]`;
      if (!container["name"]) faults.push(required(`${field}.name`));
      if (!container["image"]) faults.push(required(`${field}.image`));
      if (container["name"] !== undefined && names.has(container["name"])) {
        const detail = `Duplicate value: ${JSON.stringify(container["name"])}`;
        faults.push({ field: `${field}.name`, type: "FieldValueDuplicate", detail });
      }
      names.add(container["name"]);
    });
  }
  return old === undefined ? faults : [...faults, ...changeFaults(spec, recordOf(old["spec"]))];
}

/** The spec without what may change in a Pod's life. */
function fixedPart(spec: Readonly<JsonRecord>): unknown {
  const copy = structuredClone(spec) as JsonRecord;
  for (const list of containerLists) for (const container of recordsOf(copy[list])) delete container["image"];
  for (const field of ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"]) delete copy[field];
  return copy;
}

function changeFaults(spec: Readonly<JsonRecord>, old: Readonly<JsonRecord>): Fault[] {
  if (sameJson(fixedPart(spec), fixedPart(old))) return [];
  const allowed =
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
  const detail = `Forbidden: pod updates may not change fields other than ${allowed}`;
  return [{ field: "spec", type: "FieldValueForbidden", detail }];
}

/** What a Pod is doing, in one word: the reason of its containers when they have one. */
function podStatus(pod: KubernetesObject): string {
  const status = recordOf(pod["status"]);
  const initStates = recordsOf(status["initContainerStatuses"]);
  const waitingInit = initStates.findIndex(
    (each) => at(each, "state", "terminated", "exitCode") !== 0 && each["started"] !== true,
  );
  let text = textOf(status["reason"]) || textOf(status["phase"]);
  if (waitingInit >= 0) {
    const state = recordOf(initStates[waitingInit]?.["state"]);
    const reason = textOf(at(state, "waiting", "reason")) || textOf(at(state, "terminated", "reason"));
    text =
      reason !== "" && reason !== "PodInitializing" ? `Init:${reason}` : `Init:${waitingInit}/${initStates.length}`;
  } else {
    for (const each of [...recordsOf(status["containerStatuses"])].reverse()) {
      const state = recordOf(each["state"]);
      text = textOf(at(state, "waiting", "reason")) || textOf(at(state, "terminated", "reason")) || text;
    }
  }
  if (pod.metadata.deletionTimestamp !== undefined) return status["reason"] === "NodeLost" ? "Unknown" : "Terminating";
  return text;
}

function readyText(pod: KubernetesObject): string {
  const ready = recordsOf(at(pod, "status", "containerStatuses")).filter((each) => each["ready"] === true);
  const sidecars = recordsOf(at(pod, "spec", "initContainers")).filter((each) => each["restartPolicy"] === "Always");
  const readySidecars = recordsOf(at(pod, "status", "initContainerStatuses")).filter(
    (each) => each["ready"] === true && sidecars.some(({ name }) => name === each["name"]),
  );
  const all = listOf(at(pod, "spec", "containers")).length + sidecars.length;
  return `${ready.length + readySidecars.length}/${all}`;
}

function restarts(pod: KubernetesObject, now: number): string {
  const states = [
    ...recordsOf(at(pod, "status", "initContainerStatuses")),
    ...recordsOf(at(pod, "status", "containerStatuses")),
  ];
  const count = states.reduce((sum, each) => sum + Number(each["restartCount"] ?? 0), 0);
  const ends = states.map((each) => Date.parse(textOf(at(each, "lastState", "terminated", "finishedAt"))));
  const last = Math.max(...ends.filter((time) => !Number.isNaN(time)));
  return count > 0 && Number.isFinite(last) ? `${count} (${humanDuration(now - last)} ago)` : String(count);
}

function gates(pod: KubernetesObject): string {
  const wanted = recordsOf(at(pod, "spec", "readinessGates"));
  if (wanted.length === 0) return "<none>";
  const conditions = recordsOf(at(pod, "status", "conditions"));
  const met = wanted.filter(({ conditionType }) =>
    conditions.some(({ type, status }) => type === conditionType && status === "True"),
  );
  return `${met.length}/${wanted.length}`;
}

const orNone = (value: unknown): string => textOf(value) || "<none>";

export const podKind = defineKind({
  kind: "Pod",
  plural: "pods",
  shortNames: ["po"],
  categories: ["all"],
  hasStatus: true,
  columns: [
    nameColumn,
    textColumn("Ready", readyText),
    textColumn("Status", podStatus),
    textColumn("Restarts", restarts),
    ageColumn,
    wideColumn("IP", (pod) => orNone(at(pod, "status", "podIP"))),
    wideColumn("Node", (pod) => orNone(at(pod, "spec", "nodeName"))),
    wideColumn("Nominated Node", (pod) => orNone(at(pod, "status", "nominatedNodeName"))),
    wideColumn("Readiness Gates", gates),
  ],
  behaviour: {
    generation: true,
    selectableFields: [
      "spec.nodeName",
      "spec.restartPolicy",
      "spec.schedulerName",
      "spec.serviceAccountName",
      "spec.hostNetwork",
      "status.phase",
      "status.podIP",
      "status.nominatedNodeName",
    ],
    prepare,
    validate,
    gracePeriod(pod, requested) {
      // Nobody has to be waited for: never given to a node, or all its containers have ended.
      const idle = !at(pod, "spec", "nodeName") || finished.includes(textOf(at(pod, "status", "phase")));
      if (idle) return 0;
      return requested ?? Number(at(pod, "spec", "terminationGracePeriodSeconds") ?? 30);
    },
  },
});
