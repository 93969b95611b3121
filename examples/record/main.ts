// docs/recorder.png is a picture of its page:
//
//   npm run example:record -- --out page.html
//   chromium --headless --no-sandbox --hide-scrollbars --window-size=1200,1400 --screenshot=docs/recorder.png page.html

import { mkdirSync, writeFileSync } from "node:fs";
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

Exit status: 0 the page was written, 2 wrong arguments.
`;

await runProgram({
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
    const { page, fates } = await record(values.redact);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, page);
    process.stdout.write(`${file}\n${fates}. Open the page in a browser.\n`);
    return 0;
  },
});
