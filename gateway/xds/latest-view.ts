import type { View } from "../../shared/core/stream/view.ts";
import type { XdsCall } from "./call.ts";

export interface LatestView {
  /** A view that is newer than all before. */
  readonly view: (view: View) => void;
  /** The proxy has taken what waited for it. */
  readonly drained: () => void;
}

/** Keeps the newest view while the proxy is behind: nothing is computed for who cannot take it, and what was in between is never sent. */
export function createLatestView(call: Pick<XdsCall, "behind">, show: (view: View) => void): LatestView {
  let waiting: View | undefined;
  return {
    view(view) {
      if (call.behind) waiting = view;
      else show(view);
    },
    drained() {
      const view = waiting;
      waiting = undefined;
      if (view !== undefined) show(view);
    },
  };
}
