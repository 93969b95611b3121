// docs/recorder.png is a picture of its page:
//
//   npm run example:record -- --out page.html
//   chromium --headless --no-sandbox --hide-scrollbars --window-size=1200,1400 --screenshot=docs/recorder.png page.html

import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { runProgram } from "../terminal/program.ts";
import { record } from "./record.ts";

const USAGE = `Records a session and writes a page that shows it: open it in a browser.

  npm run example:record                        a batch to a server of its own that is 40 ms away, refuses some
                                                recipients and loses the connection before the end
  npm run example:record -- --out page.html     where the page goes; default: smtp-session.html in the system's
                                                directory for temporary files
  npm run example:record -- --redact            with pseudonyms instead of the addresses' local parts

Exit status: 0 the page was written, 1 it can't be written there (nothing was sent), 2 wrong arguments.
`;

/** Whether a file can be written, which is there afterwards. Returns why it can't. */
function whyUnwritable(file: string): string | undefined {
  try {
    mkdirSync(dirname(file), { recursive: true });
    closeSync(openSync(file, "a"));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

await runProgram({
  command: "npm run example:record",
  usage: USAGE,
  async run(args) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        out: { type: "string", default: join(tmpdir(), "smtp-session.html") },
        redact: { type: "boolean", default: false },
      },
    });
    const file = resolve(values.out);
    const why = whyUnwritable(file);
    if (why !== undefined) {
      process.stderr.write(`Can't write ${file}: ${why}\nNothing was sent. Give another --out.\n`);
      return 1;
    }
    const { page, fates } = await record(values.redact);
    writeFileSync(file, page);
    process.stdout.write(`${file}\n${fates}. Open the page in a browser.\n`);
    return 0;
  },
});
