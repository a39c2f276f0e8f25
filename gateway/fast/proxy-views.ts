import type { ServedSnapshot } from "../follow/head-follower.ts";
import type { ViewSource } from "../xds/ports.ts";
import type { Follower } from "./class-group.ts";
import { type ClassGroupsOptions, createClassGroups } from "./class-groups.ts";
import { createOncePerTurn } from "./once-per-turn.ts";

export interface ProxyViews extends ViewSource, Disposable {
  /** A new snapshot is in force. */
  serve(snapshot: ServedSnapshot): void;
}

/** A view for each proxy: that of its pod's class. Follows pods as they come, change class and go. */
export function createProxyViews(options: ClassGroupsOptions): ProxyViews {
  const { objects, secrets } = options;
  const groups = createClassGroups(options);
  const followers = new Map<string, Set<Follower>>();
  const onEndpoints = createOncePerTurn(groups.onEndpoints, options.fault);

  const onPod = (pod: string): void => {
    for (const follower of followers.get(pod) ?? []) {
      if (objects.pod(pod)?.uid === follower.proxy.podUid) groups.place(follower);
      else follower.listener.end("the pod is gone");
    }
    // Its endpoints may have waited for what is known of it.
    for (const service of objects.servicesNaming(pod)) onEndpoints(service);
  };
  const stopObjects = objects.onChange((change) => {
    if (change.kind === "endpoints") onEndpoints(change.service);
    else if (change.kind === "pod") onPod(change.pod);
    else for (const own of followers.values()) for (const follower of own) groups.place(follower); // a Service may have moved pods to another class
  });
  const stopSecrets = secrets.onChange(groups.onSecrets);
  return {
    serve: groups.serve,
    follow(proxy, listener) {
      const follower: Follower = { proxy, listener, group: undefined, told: undefined, taken: undefined };
      const own = followers.get(proxy.proxy) ?? new Set();
      followers.set(proxy.proxy, own);
      own.add(follower);
      groups.place(follower);
      return {
        settled: (generation) => groups.settled(follower, generation),
        [Symbol.dispose]() {
          groups.leave(follower);
          own.delete(follower);
          if (own.size === 0) followers.delete(proxy.proxy);
        },
      };
    },
    [Symbol.dispose]() {
      onEndpoints[Symbol.dispose]();
      stopObjects[Symbol.dispose]();
      stopSecrets[Symbol.dispose]();
    },
  };
}
