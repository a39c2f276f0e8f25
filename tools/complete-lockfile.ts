import { readFileSync, writeFileSync } from "node:fs";

/**
 * Adds to package-lock.json the optional packages of other platforms that a registry did not have when the lockfile was written: `npm ci` wants an
 * entry for each of them, even where it will never be installed. Run after every `npm install`; changes nothing when nothing is missing.
 */
interface Entry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}

const file = "package-lock.json";
const lock = JSON.parse(readFileSync(file, "utf8")) as { packages: Record<string, Entry> };
const added: string[] = [];
for (const [path, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
  if (path === "") continue;
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const target = `node_modules/${name}`;
    if (lock.packages[target] !== undefined || lock.packages[`${path}/${target}`] !== undefined) continue;
    lock.packages[target] = { version, ...(dev === true && { dev }), optional: true, ...platformOf(name) };
    added.push(name);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
if (added.length > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`${added.length} packages of other platforms added\n`);

/** Packages of a platform are named for it: `…-darwin-arm64`, `…/linux-x64`. */
function platformOf(name: string): Pick<Entry, "os" | "cpu" | "libc"> {
  const os = /(android|darwin|linux|win32|freebsd|openbsd|netbsd|sunos|aix|openharmony)/.exec(name)?.[1];
  const cpu = /(arm64|x64|ia32|ppc64|riscv64|s390x|armv7|arm)/.exec(name.slice(name.indexOf("/")))?.[1];
  if (os === undefined || cpu === undefined) throw new Error(`${name} does not say which platform it is of`);
  return { os: [os], cpu: [cpu === "armv7" ? "arm" : cpu], ...(name.includes("musl") && { libc: ["musl"] }) };
}
