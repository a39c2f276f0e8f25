import { readFileSync } from "node:fs";
import { z } from "zod";
import { FunctionsHostError, firstLine } from "./functions-host-error.ts";

export type AppSettings = Readonly<Record<string, string>>;

/**
 * How to reach an Event Hubs namespace or a Cosmos DB account: by a connection string in the setting NAME, or by identity in
 * NAME__fullyQualifiedNamespace or NAME__accountEndpoint (spec/azure.md §6.8).
 */
export type Connection =
  | { readonly kind: "connection-string"; readonly name: string; readonly value: string }
  | { readonly kind: "identity"; readonly name: string; readonly endpoint: string };

const localSettingsSchema = z.looseObject({
  IsEncrypted: z.literal(false, "must be false: encrypted settings cannot be read here").optional(),
  Values: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
});

/**
 * Reads the `Values` of a local.settings.json.
 *
 * @throws {FunctionsHostError} when the file cannot be read or is not of that shape.
 */
export function readLocalSettings(file: string): AppSettings {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new FunctionsHostError("setting-invalid", `${file} cannot be read: ${firstLine(error)}`, { cause: error });
  }
  const parsed = localSettingsSchema.safeParse(content);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new FunctionsHostError("setting-invalid", `${file}: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`);
  }
  return Object.fromEntries(Object.entries(parsed.data.Values ?? {}).map(([name, value]) => [name, String(value)]));
}

/**
 * Replaces every %NAME% by the setting of that name, as the platform does in hub names, schedules, containers and routes.
 *
 * @throws {FunctionsHostError} when there is no such setting.
 */
export function expandSettings(text: string, settings: AppSettings): string {
  return text.replaceAll(/%([^%]+)%/g, (_, name: string) => {
    const value = findSetting(name, settings);
    if (value === undefined) {
      throw new FunctionsHostError("setting-missing", `The setting ${name}, named in "${text}", is missing.`);
    }
    return value;
  });
}

/**
 * @param suffix the identity form's suffix, e.g. `fullyQualifiedNamespace`.
 * @throws {FunctionsHostError} when neither form is there; the message names both.
 */
export function findConnection(name: string, suffix: string, settings: AppSettings): Connection {
  const value = findSetting(name, settings);
  if (value !== undefined) return { kind: "connection-string", name, value };
  const endpoint = findSetting(`${name}__${suffix}`, settings);
  if (endpoint !== undefined) return { kind: "identity", name, endpoint };
  throw new FunctionsHostError("setting-missing", `The setting ${name} (or ${name}__${suffix}) is missing.`);
}

/** Settings are environment variables on the platform, where `:` in a name is written `__`. */
function findSetting(name: string, settings: AppSettings): string | undefined {
  const value = settings[name] ?? settings[name.replaceAll(":", "__")];
  return value === undefined || value === "" ? undefined : value;
}
