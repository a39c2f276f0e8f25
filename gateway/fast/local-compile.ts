import type { ServedSnapshot } from "../follow/head-follower.ts";
import type { ClusterObjects } from "../kubernetes/cluster-objects.ts";
import type { ClassGroup } from "./class-group.ts";
import type { ClassPolicy, CompileClass } from "./class-policy.ts";

/** A class that could not be compiled here is tried again after so many milliseconds. */
const compileRetry = 1000;

/** For a class that the snapshot does not know yet; what was compiled for it here stays until it does. */
export function createLocalCompile(
  options: {
    readonly objects: ClusterObjects;
    readonly compileClass: CompileClass;
    readonly fault: (error: unknown) => void;
  },
  tell: {
    readonly isServed: (snapshot: ServedSnapshot) => boolean;
    readonly compiled: (group: ClassGroup, policy: ClassPolicy) => void;
    /** Another attempt is due. */
    readonly again: (group: ClassGroup) => void;
  },
): (group: ClassGroup, snapshot: ServedSnapshot) => Promise<void> {
  const retry = (group: ClassGroup): void => {
    group.compiledFor = undefined;
    tell.again(group);
  };
  return async (group, snapshot) => {
    const [follower] = group.followers;
    const workloadClass = follower && options.objects.classOf(follower.proxy.proxy);
    if (workloadClass?.key.name !== group.key || group.compiledFor === snapshot.served.state) return;
    group.compiledFor = snapshot.served.state;
    try {
      const policy = await options.compileClass(snapshot, workloadClass);
      if (!tell.isServed(snapshot)) retry(group);
      else if (policy !== undefined) tell.compiled(group, policy);
    } catch (error) {
      options.fault(error);
      setTimeout(() => retry(group), compileRetry).unref();
    }
  };
}
