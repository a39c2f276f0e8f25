/** A container of a pod as a program of this machine. Pure. */

import type { Container, EnvironmentEntry, Pod } from "./kubernetes-objects.ts";
import type { ProgramSpec } from "./shim-messages.ts";

export interface ProgramContext {
  readonly podIp: string;
  readonly hostIp: string;
  readonly nodeName: string;
  /** PATH of the container. */
  readonly searchPath: string;
  readonly workingDir: string;
  readonly logPath: string;
}

export type BuiltProgram =
  | { readonly ok: true; readonly program: ProgramSpec }
  | { readonly ok: false; readonly message: string };

/**
 * The program that the container's `command` and `args` name, with its environment and user. There are no images here,
 * so a container without a command cannot run; that, and an environment that cannot be told, is a message.
 */
export function buildProgram(pod: Pod, container: Container, context: ProgramContext): BuiltProgram {
  const own: Record<string, string> = {};
  for (const entry of container.env ?? []) {
    const value = entryValue(entry, pod, context);
    if (value === undefined) {
      return { ok: false, message: `the environment variable ${entry.name} has a source that is not supported here` };
    }
    own[entry.name] = expand(value, own);
  }
  const argv = [...(container.command ?? []), ...(container.args ?? [])].map((word) => expand(word, own));
  if (container.command === undefined || container.command.length === 0) {
    return { ok: false, message: `container ${container.name} has no command; images are not run here, give it one` };
  }
  const uid = container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser;
  const gid = container.securityContext?.runAsGroup ?? pod.spec.securityContext?.runAsGroup ?? uid;
  return {
    ok: true,
    program: {
      name: container.name,
      argv,
      environment: {
        PATH: context.searchPath,
        HOME: "/",
        HOSTNAME: pod.spec.hostname ?? pod.metadata.name,
        ...own,
      },
      workingDir: container.workingDir ?? context.workingDir,
      logPath: context.logPath,
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    },
  };
}

function entryValue(entry: EnvironmentEntry, pod: Pod, context: ProgramContext): string | undefined {
  if (entry.valueFrom === undefined) return entry.value ?? "";
  const path = entry.valueFrom.fieldRef?.fieldPath ?? "";
  const { metadata, spec } = pod;
  const keyed = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path);
  if (keyed?.[2] !== undefined) {
    return (keyed[1] === "labels" ? metadata.labels : metadata.annotations)?.[keyed[2]] ?? "";
  }
  const fields: Readonly<Record<string, string | undefined>> = {
    "metadata.name": metadata.name,
    "metadata.namespace": metadata.namespace ?? "default",
    "metadata.uid": metadata.uid,
    "spec.nodeName": context.nodeName,
    "spec.serviceAccountName": spec.serviceAccountName ?? "default",
    "status.podIP": context.podIp,
    "status.podIPs": context.podIp,
    "status.hostIP": context.hostIp,
  };
  return fields[path];
}

/** `$(NAME)` of a known name is replaced, `$$(NAME)` stands for itself, anything else stays. */
function expand(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$(\$?)\(([^()]+)\)/g, (whole: string, escape: string, name: string) => {
    return escape === "" ? (variables[name] ?? whole) : whole.slice(1);
  });
}
