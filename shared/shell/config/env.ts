/** Reads names and texts, nothing more: config.ts of each program turns them into typed config. The only place that reads the environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

export function readEnvironment(): Environment {
  return process.env;
}
