import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type NetConnectOpts, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls } from "node:tls";

/** Milliseconds between two looks. */
const LOOK = 20;
/** Milliseconds until a server has greeted, or has done its work. */
const PATIENCE = 20_000;

/** Where a server listens; `tls`: TLS from the first octet. */
export type Listener = NetConnectOpts & { readonly tls?: boolean };

/** A server in a process of its own, in the foreground. */
export interface ServerProcess {
  /** Fulfils when it has said that: it may say so after it has answered. */
  logs(text: string): Promise<void>;
  /** Asks until the answer is true. Rejects with the log when the server has ended, or after 20 seconds. */
  until(what: string, ask: () => Promise<boolean>): Promise<void>;
  /** Fulfils when each listener has sent a greeting. */
  greets(listeners: readonly Listener[]): Promise<void>;
  /** Fulfils when a port of 127.0.0.1 takes connections. */
  listens(port: number): Promise<void>;
  /** Ends it, with its children, and removes its directory. */
  stop(): Promise<void>;
}

/**
 * What watches a server: it ends the server when its standard input is closed, as it is when this process dies, however
 * that dies; then it removes the directory. It says so when the server has ended by itself.
 */
const WATCH = `directory=$1
shift
exec 3<&0
"$@" </dev/null 3<&- >"$directory/log" 2>&1 &
server=$!
{ cat <&3 >/dev/null; kill "$server"; } 2>/dev/null &
stopped=$!
trap "" PIPE
wait "$server"
echo ended
wait "$stopped"
rm -rf "$directory"
`;

/**
 * Starts a program.
 * @param directory its own. What it prints goes to a file there: Postfix opens its standard output anew, and a socket
 * can't be opened.
 */
export function startServerProcess(
  directory: string,
  program: string,
  args: readonly string[],
): ServerProcess {
  const child = spawn("sh", ["-c", WATCH, "sh", directory, program, ...args], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const exit = once(child, "exit");
  let ended = false;
  child.stdout.once("data", () => {
    ended = true;
  });
  const log = (): string => readFileSync(join(directory, "log"), "utf8");

  const until = async (what: string, ask: () => Promise<boolean>): Promise<void> => {
    const deadline = Date.now() + PATIENCE;
    while (!(await ask())) {
      if (ended || Date.now() > deadline) throw new Error(`${program}: ${what}: waited in vain.\n${log()}`);
      await delay(LOOK);
    }
  };

  return {
    logs: (text) => until(`"${text}" in its log`, async () => log().includes(text)),
    until,
    async greets(listeners) {
      for (const listener of listeners) {
        await until(`greeting of ${JSON.stringify(listener)}`, () => greets(listener));
      }
    },
    listens: (port) => until(`listening at ${port}`, () => listens(port)),
    async stop() {
      child.stdin.end();
      await exit;
    },
  };
}

async function listens(port: number): Promise<boolean> {
  const socket = connect({ host: "127.0.0.1", port });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.on("error", () => undefined).destroy();
  }
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
