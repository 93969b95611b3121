import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { connect, type NetConnectOpts, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls } from "node:tls";

/** Milliseconds between two looks. */
const LOOK = 20;
/** Milliseconds until a server has greeted, has done its work, or has ended. */
const PATIENCE = 20_000;

/** Where a server listens; `tls`: TLS from the first octet. */
export type Listener = NetConnectOpts & { readonly tls?: boolean };

/** A server in a process of its own, in the foreground. */
export interface ServerProcess {
  /** What it has said so far. */
  log(): string;
  /** Asks until the answer is true. Rejects with the log when the process has ended, or after 20 seconds. */
  until(what: string, ask: () => Promise<boolean>): Promise<void>;
  /** Fulfils when each listener has sent a greeting. */
  greets(listeners: readonly Listener[]): Promise<void>;
  /** Ends it, with its children. */
  stop(): Promise<void>;
}

/**
 * Starts a program. It ends with this process too, however that ends.
 * @param logFile what it prints: a file, because Postfix opens its standard output anew, which a socket can't be
 */
export function startServerProcess(
  program: string,
  args: readonly string[],
  { logFile }: { readonly logFile: string },
): ServerProcess {
  const output = openSync(logFile, "a");
  const child = spawn("setpriv", ["--pdeathsig", "TERM", "--", program, ...args], {
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  const log = (): string => readFileSync(logFile, "utf8");
  let failure: Error | undefined;
  child.once("error", (error) => {
    failure = error;
  });

  const until = async (what: string, ask: () => Promise<boolean>): Promise<void> => {
    const deadline = Date.now() + PATIENCE;
    while (!(await ask())) {
      if (hasEnded(child) || failure !== undefined || Date.now() > deadline) {
        throw new Error(`${program}: ${what}: waited in vain.\n${log()}`, { cause: failure });
      }
      await delay(LOOK);
    }
  };

  return {
    log,
    until,
    async greets(listeners) {
      for (const listener of listeners) {
        await until(`greeting of ${JSON.stringify(listener)}`, () => greets(listener));
      }
    },
    async stop() {
      if (child.pid === undefined || hasEnded(child)) return;
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
      await ended;
      clearTimeout(late);
    },
  };
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** Whether a 220 comes. */
async function greets({ tls = false, ...address }: Listener): Promise<boolean> {
  // Whether it may be trusted is the tests' matter.
  const socket: Socket = tls ? connectTls({ ...address, rejectUnauthorized: false }) : connect(address);
  try {
    const [chunk] = await once(socket, "data", { signal: AbortSignal.timeout(PATIENCE) });
    return String(chunk).startsWith("220");
  } catch {
    return false;
  } finally {
    socket.on("error", () => undefined).destroy();
  }
}
