import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** Azurite, the storage account's stand-in that its own makers publish, as a process of its own: blobs only, on loopback, kept in memory. */
export interface AzuriteProcess extends AsyncDisposable {
  readonly connectionString: string;
}

/** Azurite's one account, whose key everybody knows. */
const account = "devstoreaccount1";
const accountKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/** What it writes when it listens, with the port that the system chose. */
const listening = /successfully listens on http:\/\/127\.0\.0\.1:(\d+)/;

export async function startAzurite(): Promise<AzuriteProcess> {
  const program = fileURLToPath(import.meta.resolve("azurite/dist/src/blob/main.js"));
  const flags = [
    "--blobHost",
    "127.0.0.1",
    "--blobPort",
    "0",
    "--inMemoryPersistence",
    "--silent",
    "--disableTelemetry",
  ];
  const child = spawn(process.execPath, [program, ...flags, "--skipApiVersionCheck"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const url = `http://127.0.0.1:${await portOf(child)}/${account}`;
    return {
      connectionString: `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${accountKey};BlobEndpoint=${url};`,
      [Symbol.asyncDispose]: () => end(child),
    };
  } catch (error) {
    await end(child);
    throw error;
  }
}

async function portOf(child: ChildProcess): Promise<string> {
  let said = "";
  for await (const chunk of child.stdout ?? []) {
    said += String(chunk);
    const port = listening.exec(said)?.[1];
    if (port !== undefined) return port;
  }
  throw new Error(`Azurite ended before it listened: ${said}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}
