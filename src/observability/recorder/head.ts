import { serverName } from "../target.ts";
import type { RecordedSession, Totals } from "./facts.ts";
import { count, duration, escapeText, number } from "./markup.ts";
import type { Recording } from "./recording.ts";

/** What came of all sessions, and each session by itself. */
export function headMarkup({ totals, kept }: Recording): string {
  const sessions = [...kept.sessions.values()];
  return `
<section aria-labelledby="summary">
<h2 id="summary">Summary</h2>
${tiles(totals, sessions)}
${fates(totals)}
<p class="saved">${roundTrips(totals)}</p>
${sessionList(sessions)}
${leftOut(kept.leftOut)}
</section>`;
}

function tiles(totals: Totals, sessions: readonly RecordedSession[]): string {
  const { messages, commands, groups, bytesSent, bytesReceived } = totals;
  const { all, some, none } = messages;
  const open = sessions.reduce(
    (sum, session) =>
      sum +
      session.waiting +
      [...session.messages.values()].filter(({ settled }) => settled === undefined).length,
    0,
  );
  const began = Math.min(...sessions.map(({ startedAt }) => startedAt ?? Number.POSITIVE_INFINITY));
  const ended = Math.max(...sessions.map(({ lastAt }) => lastAt));
  const tile = (name: string, value: string, more: string): string =>
    `<div><dt>${name}</dt><dd><b>${value}</b> <span>${more}</span></dd></div>`;
  return `<dl class="tiles">
${tile("Duration", Number.isFinite(began) ? duration(ended - began) : "–", Number.isFinite(began) ? `from ${new Date(began).toISOString()}` : "nothing has happened yet")}
${tile("Messages", number(all + some + none), `${number(all)} to all recipients, ${number(some)} to some, ${number(none)} to none${open > 0 ? `; ${number(open)} open` : ""}`)}
${tile("Commands", number(commands), `in ${count(groups, "group")}`)}
${tile("Octets", number(bytesSent), `sent, ${number(bytesReceived)} received`)}
</dl>`;
}

function fates({ recipients }: Totals): string {
  const { succeeded, deferred, refused, unknown } = recipients;
  const total = succeeded + deferred + refused + unknown;
  const shares: readonly (readonly [string, string, number])[] = [
    ["succeeded", "succeeded", succeeded],
    ["deferred", "failed for now", deferred],
    ["refused", "failed for good", refused],
    ["unknown", "unknown", unknown],
  ];
  const bar = shares
    .filter(([, , share]) => share > 0)
    .map(([kind, , share]) => `<span class="${kind}" style="flex-grow:${share}"></span>`)
    .join("");
  const legend = shares
    .map(([kind, name, share]) => `<li class="${kind}"><b>${number(share)}</b> ${name}</li>`)
    .join("");
  return `<h3>${count(total, "recipient")}</h3>
<div class="bar" aria-hidden="true">${bar}</div>
<ul class="legend">${legend}</ul>`;
}

/** What pipelining gained: counted as the metric `round_trips_saved_total` counts it. */
function roundTrips({ answered, answeredGroups, resets, roundTrip }: Totals): string {
  const saved = answered - answeredGroups;
  if (answered === 0) return "No command has been answered yet.";
  const what = `${count(answered, "answered command")} in ${count(answeredGroups, "group")}: `;
  const took = `${count(answeredGroups, "round trip")} used, <b>${number(saved)} saved</b>`;
  const time =
    saved > 0 && roundTrip !== undefined
      ? `, about <b>${duration(saved * roundTrip)}</b> at ${duration(roundTrip)} each, the shortest that was measured`
      : "";
  const extra =
    resets > 0 ? ` ${count(resets, "RSET")} among them: one command at a time may need none.` : "";
  return `${what}${took}${time}.${extra}`;
}

function sessionList(sessions: readonly RecordedSession[]): string {
  if (sessions.length === 0) return "<p>No session has been seen yet.</p>";
  const items = sessions.map((session) => {
    const { capabilities, closed, startedAt, lastAt } = session;
    const facts = [
      session.remoteAddress === undefined ? "" : `address ${escapeText(session.remoteAddress)}`,
      session.secure ? "TLS" : "no TLS",
      startedAt === undefined ? "" : duration(lastAt - startedAt),
      count(session.totals.groups, "group"),
      closed === undefined ? "open" : `closed: ${escapeText(closed)}`,
      `id ${escapeText(session.id)}`,
    ];
    const offers =
      capabilities === undefined
        ? "<p>Capabilities: not seen.</p>"
        : capabilities.length === 0
          ? "<p>No capabilities.</p>"
          : `<ul class="chips" aria-label="Capabilities">${capabilities.map((each) => `<li>${escapeText(each)}</li>`).join("")}</ul>`;
    const alarms = session.notes
      .filter(({ kind }) => kind === "warning" || kind === "error")
      .map(({ kind, text }) => `<li class="${kind}"><b>${kind}</b> ${escapeText(text)}</li>`);
    return `<li><p><b>${escapeText(sessionName(session))}</b> <span>${facts.filter(Boolean).join(" · ")}</span></p>
${offers}${alarms.length > 0 ? `<ul class="alarms">${alarms.join("")}</ul>` : ""}${session.notesLeftOut > 0 ? `<p>${count(session.notesLeftOut, "earlier note")} left out.</p>` : ""}</li>`;
  });
  return `<h3>${sessions.length === 1 ? "Session" : count(sessions.length, "session")}</h3>
<ul class="sessions">${items.join("\n")}</ul>`;
}

/** `mail.example.org:25`; with several sessions their numbers tell them apart. */
export function sessionName(session: RecordedSession): string {
  return session.host === "" ? `session ${session.number}` : serverName(session);
}

function leftOut({ groups, messages, sessions }: Recording["kept"]["leftOut"]): string {
  if (groups + messages + sessions === 0) return "";
  const parts = [
    groups > 0 ? count(groups, "group") : "",
    messages > 0 ? count(messages, "message") : "",
    sessions > 0 ? count(sessions, "closed session") : "",
  ].filter(Boolean);
  return `<p class="left-out"><b>Left out below: ${parts.join(", ")}</b>, the oldest. The numbers above count them.</p>`;
}
