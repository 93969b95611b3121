import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The line of its output that says where to scrape. */
const SCRAPE = /^Scrape (http:\S+)$/;

/** `examples/scrape`, or `examples/worker`, in a process of its own. */
export interface Example {
  /** Where its metrics are. */
  readonly url: string;
  /** The lines that it has written so far. */
  readonly lines: readonly string[];
  /** Fulfils with the first line, of those written and those to come, that begins so. Rejects if it ends without. */
  line(beginning: string): Promise<string>;
  /** What Ctrl-C does. */
  interrupt(): void;
  /** Fulfils with the exit status, once all output was read. */
  readonly ended: Promise<number | null>;
}

/** Starts it on any free port. Fulfils when its metrics can be scraped. */
export async function startExample(
  args: readonly string[],
  name: "scrape" | "worker" = "scrape",
): Promise<Example> {
  const command = ["--import", "tsx", `examples/${name}/main.ts`, "--port", "0", ...args];
  const child = spawn(process.execPath, command, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  let over = false;
  const tell = (): void => {
    for (const look of [...waiting]) look();
  };
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    tell();
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once("close", (status) => {
      over = true;
      tell();
      resolve(status);
    });
  });
  const line = (beginning: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = lines.find((one) => one.startsWith(beginning));
        if (found === undefined && !over) return;
        waiting.delete(look);
        if (found !== undefined) resolve(found);
        else reject(new Error(`examples/${name} ended without "${beginning}":\n${lines.join("\n")}`));
      };
      waiting.add(look);
      look();
    });
  const url = SCRAPE.exec(await line("Scrape "))?.[1];
  if (url === undefined) throw new Error(`no URL in "${lines[0]}"`);
  return { url, lines, line, interrupt: () => child.kill("SIGINT"), ended };
}
