import { parseArgs } from "node:util";
import type { SessionOptions, TlsMode } from "../index.ts";
import { checkServer } from "./check-server.ts";
import { print } from "./print.ts";

/** Where a command is run. */
export interface Shell {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: (text: string) => void;
  readonly errors: (text: string) => void;
}

const HELP = `Checks a mail server: what it offers, and what is safe to use with it.

  npm run check-server -- smtp://mail.example.org [options]

  --to ADDRESS     send a few small messages to this address, to see whether
                   the server bears pipelining across messages, bursts, and
                   an envelope with the connection. Without it nothing is sent
  --from ADDRESS   the sender of those messages; default: the recipient
  --tls MODE       opportunistic (default), required, implicit, off
  --user NAME      authenticate; the password is in SMTP_PASSWORD
  --name NAME      the name in EHLO
  --timeout MS     how long a reply may take; default 30000
  --json           the report as JSON
  --help           this

Exit status: 0 all went as it should; 1 something did not; 2 wrong usage.
`;

/** Runs the command. @returns its exit status */
export async function run({ args, env, out, errors }: Shell): Promise<number> {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    errors(`${error instanceof Error ? error.message : error}\nSee --help.\n`);
    return 2;
  }
  const { values, positionals } = parsed;
  if (values.help) {
    out(HELP);
    return 0;
  }
  const [url, ...rest] = positionals;
  if (url === undefined || rest.length > 0) {
    errors("One server is wanted, as smtp://mail.example.org. See --help.\n");
    return 2;
  }
  let session: SessionOptions;
  try {
    session = sessionOptions(url, values, env);
  } catch (error) {
    errors(`${error instanceof Error ? error.message : error}\n`);
    return 2;
  }
  const { to, from = to, json } = values;
  try {
    const report = await checkServer({
      session,
      mail: to === undefined || from === undefined ? undefined : { from, to },
      ...(!json && { progress: (what: string) => errors(`... ${what}\n`) }),
    });
    out(json ? `${JSON.stringify(report, null, 2)}\n` : `\n${print(report)}`);
    return report.failure === undefined && report.trials.every(({ ok }) => ok) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    errors(`${error.message}\n`);
    return 2;
  }
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      to: { type: "string" },
      from: { type: "string" },
      tls: { type: "string" },
      user: { type: "string" },
      name: { type: "string" },
      timeout: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
}

const PORTS: Readonly<Record<string, number>> = { "smtp:": 25, "smtps:": 465 };

function sessionOptions(
  given: string,
  values: ReturnType<typeof parse>["values"],
  env: Shell["env"],
): SessionOptions {
  const url = new URL(given.includes("://") ? given : `smtp://${given}`);
  const { protocol, hostname, port, username } = url;
  if (!(protocol in PORTS) || hostname === "") {
    throw new TypeError(`${given}: a server is smtp://host, smtp://host:port or smtps://host`);
  }
  if (username !== "")
    throw new TypeError("The user is given with --user, and the password in SMTP_PASSWORD");
  const {
    tls = protocol === "smtps:" ? "implicit" : "opportunistic",
    user,
    name,
    timeout = "30000",
  } = values;
  const pass = env["SMTP_PASSWORD"];
  if (user !== undefined && pass === undefined) throw new TypeError("--user: SMTP_PASSWORD is not set");
  const patience = Number(timeout);
  return {
    host: hostname.replace(/^\[|\]$/g, ""),
    ...(port === "" ? {} : { port: Number(port) }),
    tls: tls as TlsMode,
    ...(name !== undefined && { name }),
    ...(user !== undefined && pass !== undefined && { auth: { user, pass } }),
    timeouts: {
      connect: patience,
      greeting: patience,
      command: patience,
      mail: patience,
      rcpt: patience,
      data: patience,
      message: patience,
    },
  };
}
