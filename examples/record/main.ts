// docs/recorder.png is a picture of its page:
//
//   npm run example:record -- --out page.html
//   chromium --headless --no-sandbox --hide-scrollbars --window-size=1200,1400 --screenshot=docs/recorder.png page.html

import { main } from "./record.ts";

process.exitCode = await main({
  args: process.argv.slice(2),
  out: process.stdout,
  errors: process.stderr,
});
