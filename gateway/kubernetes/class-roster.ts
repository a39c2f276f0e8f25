import { type MeshObject, type ObjectKey, objectKeyText } from "../../shared/core/object.ts";
import type { Pod } from "./pods.ts";
import { type SelectingService, workloadClassOf } from "./workload-classes.ts";

export interface ClassRosterOptions {
  /** How long a class stays after its last pod went. Milliseconds. */
  readonly linger: number;
  readonly apply: (object: MeshObject) => void;
  readonly remove: (key: ObjectKey) => void;
}

/**
 * Which pods are of which class. A class object comes with its first pod, at once, and goes some time after its last: a rolling restart must not take
 * the class away and bring it back (design.md §3).
 */
export interface ClassRoster {
  readonly place: (pod: Pod, services: Iterable<SelectingService>) => void;
  readonly dismiss: (pod: string) => void;
  /** The WorkloadClass object of a pod (`namespace/name`). */
  readonly classOf: (pod: string) => MeshObject | undefined;
  readonly stop: () => void;
}

export function createClassRoster(options: ClassRosterOptions): ClassRoster {
  const members = new Map<string, { readonly object: MeshObject; readonly pods: Set<string> }>();
  const classOf = new Map<string, string>();
  const leaving = new Map<string, NodeJS.Timeout>();

  const leave = (pod: string): void => {
    const text = classOf.get(pod);
    if (text === undefined) return;
    classOf.delete(pod);
    const crew = members.get(text);
    crew?.pods.delete(pod);
    if (crew === undefined || crew.pods.size > 0) return;
    const timer = setTimeout(() => {
      leaving.delete(text);
      members.delete(text);
      options.remove(crew.object.key);
    }, options.linger);
    timer.unref();
    leaving.set(text, timer);
  };
  return {
    place(pod, services) {
      const object = workloadClassOf(pod, services);
      const text = object && objectKeyText(object.key);
      if (text === classOf.get(pod.key)) return;
      leave(pod.key);
      if (object === undefined || text === undefined) return;
      classOf.set(pod.key, text);
      clearTimeout(leaving.get(text));
      leaving.delete(text);
      const present = members.get(text);
      if (present !== undefined) present.pods.add(pod.key);
      else {
        members.set(text, { object, pods: new Set([pod.key]) });
        options.apply(object);
      }
    },
    dismiss: leave,
    classOf: (pod) => members.get(classOf.get(pod) ?? "")?.object,
    stop() {
      for (const timer of leaving.values()) clearTimeout(timer);
    },
  };
}
