import { checkServer } from "../../check/check-server.ts";
import { print } from "../../check/print.ts";
import type { RunCommand } from "../command.ts";
import { EX } from "../exit-status.ts";
import { loadServer, planServer } from "../server.ts";

/** How long a reply may take where nobody says otherwise: who checks a server waits for it. */
const PATIENCE = 30_000;

/** Checks a server, and prints a report. */
export const check: RunCommand = async (given, { env, stdout, stderr }) => {
  const { session, ...plan } = planServer(given.needed("url"), given, env);
  const loaded = await loadServer({ ...plan, session: { timeouts: patience(), ...session } });
  const to = given.text("to");
  const from = given.text("from") ?? to;
  const json = given.flag("json");
  const report = await checkServer({
    session: loaded,
    mail: to === undefined || from === undefined ? undefined : { from, to },
    ...(!json && { progress: (what: string) => void stderr.write(`... ${what}\n`) }),
  });
  stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : `\n${print(report)}`);
  const well = report.failure === undefined && report.trials.every(({ ok }) => ok);
  return well ? EX.OK : EX.UNAVAILABLE;
};

function patience(): Record<string, number> {
  const phases = ["connect", "tls", "greeting", "command", "mail", "rcpt", "data", "message"];
  return Object.fromEntries(phases.map((phase) => [phase, PATIENCE]));
}
