/** TokenRequest: a token for a service account, bound to a Pod when asked so. */
import { badRequest, conflict, forbidden, invalid, notFound } from "../api-error.ts";
import { at, listOf, recordOf, textOf } from "../json.ts";
import { serviceAccountKind } from "../kinds/plain-kinds.ts";
import { podKind } from "../kinds/pod.ts";
import { type KubernetesObject, timestamp } from "../object.ts";
import type { World } from "../world.ts";
import { issuer, type TokenSubject } from "./tokens.ts";

const request = { group: "authentication.k8s.io", plural: "tokenrequests", kind: "TokenRequest" };
const shortest = 600;
const longest = 2 ** 32;
const usual = 3600;

function lifetime(spec: unknown, name: string): number {
  const seconds = Number(at(spec, "expirationSeconds") ?? usual);
  if (seconds >= shortest && seconds <= longest) return seconds;
  const why =
    seconds < shortest
      ? "may not specify a duration less than 10 minutes"
      : "may not specify a duration larger than 2^32 seconds";
  const detail = `Invalid value: ${seconds}: ${why}`;
  throw invalid(request, name, [{ field: "spec.expirationSeconds", type: "FieldValueInvalid", detail }]);
}

const nameAndUid = ({ metadata }: KubernetesObject): { name: string; uid: string } => ({
  name: metadata.name,
  uid: metadata.uid,
});

/** The Pod that the token shall die with. */
function boundPod(world: World, account: KubernetesObject, reference: unknown): Pick<TokenSubject, "pod" | "node"> {
  if (reference === undefined || reference === null) return {};
  const kind = textOf(at(reference, "kind"));
  const name = textOf(at(reference, "name"));
  if (kind !== "Pod") throw badRequest(`cannot bind token to object of type ${kind}`);
  const pod = world.store.get(podKind.collection, account.metadata.namespace, name);
  if (pod === undefined) throw notFound(podKind, name);
  if (at(pod, "spec", "serviceAccountName") !== account.metadata.name) {
    const why = `cannot bind token for serviceaccount "${account.metadata.name}" to pod running with different serviceaccount name.`;
    throw badRequest(why);
  }
  const uid = at(reference, "uid");
  if (uid !== undefined && uid !== pod.metadata.uid) {
    throw conflict(
      podKind,
      name,
      `the UID in the bound object reference (${textOf(uid)}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  if (pod.metadata.deletionTimestamp !== undefined && pod.metadata.deletionGracePeriodSeconds === 0) {
    throw forbidden(podKind, name, "the pod is being deleted");
  }
  const node = world.store.get("nodes", undefined, textOf(at(pod, "spec", "nodeName")));
  return { pod: nameAndUid(pod), ...(node === undefined ? {} : { node: nameAndUid(node) }) };
}

/** Answers the TokenRequest with its token in the status. Throws ApiError. */
export function requestToken(world: World, target: { namespace: string; name: string }, body: unknown): object {
  const { namespace, name } = target;
  const account = world.store.get(serviceAccountKind.collection, namespace, name);
  if (account === undefined) throw notFound(serviceAccountKind, name);
  const spec = recordOf(at(body, "spec"));
  const wanted = listOf(spec["audiences"]).map(textOf);
  const audiences = wanted.length === 0 ? [issuer] : wanted;
  const seconds = lifetime(spec, name);
  const now = world.now();
  const subject: TokenSubject = {
    namespace,
    serviceAccount: nameAndUid(account),
    ...boundPod(world, account, spec["boundObjectRef"]),
  };
  const token = world.tokens.issue(subject, { audiences, seconds, now });
  return {
    kind: "TokenRequest",
    apiVersion: "authentication.k8s.io/v1",
    metadata: { name, namespace, creationTimestamp: timestamp(now) },
    spec: { audiences, expirationSeconds: seconds, boundObjectRef: spec["boundObjectRef"] ?? null },
    status: { token, expirationTimestamp: timestamp((Math.floor(now / 1000) + seconds) * 1000) },
  };
}
