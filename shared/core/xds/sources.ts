import { milliseconds } from "./encode.ts";
import { ApiVersion, type ConfigSource } from "./gen/envoy/config/core/v3/config_source.ts";

/** The stream that the proxy already has. */
export const ads: ConfigSource = {
  configSourceSpecifier: { $case: "ads", value: {} },
  resourceApiVersion: ApiVersion.V3,
};

/** The same, for what is always answered at once: whoever waits longer goes on without (envoy.md §3, §5). */
export const promptAds: ConfigSource = { ...ads, initialFetchTimeout: milliseconds(1000) };
