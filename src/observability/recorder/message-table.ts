import type { RecordedMessage, RecordedRecipient } from "./facts.ts";
import { sessionName } from "./head.ts";
import { count, duration, escapeText, number } from "./markup.ts";
import type { Recording } from "./recording.ts";
import { HUES } from "./style.ts";

/** Every message with the fate of every recipient: needs no script. */
export function messageTable({ kept }: Recording): string {
  const sessions = [...kept.sessions.values()];
  const waiting = sessions.reduce((sum, session) => sum + session.waiting, 0);
  const bodies = sessions.map((session) => {
    const carriers = new Map<number, number[]>();
    for (const group of session.groups.values()) {
      for (const seq of group.seqs) carriers.set(seq, [...(carriers.get(seq) ?? []), group.id]);
    }
    const heading =
      sessions.length > 1
        ? `<tr class="session"><th colspan="5" scope="rowgroup">${session.number}. ${escapeText(sessionName(session))}</th></tr>`
        : "";
    const rows = [...session.messages.values()]
      .sort((a, b) => a.seq - b.seq)
      .map((message) => row(message, carriers.get(message.seq) ?? []));
    return `<tbody>${heading}${rows.join("\n")}</tbody>`;
  });
  const queued = waiting > 0 ? `<p>${count(waiting, "message")} more in the queue.</p>` : "";
  return `
<section aria-labelledby="messages">
<h2 id="messages">Messages</h2>
<p class="hint script-only">A click on a message marks it in the picture, one on a group shows it.</p>
<table><thead><tr><th scope="col">Message</th><th scope="col">Recipients</th><th scope="col">Waited</th><th scope="col">Took</th><th scope="col">Groups</th></tr></thead>
${bodies.join("\n")}
</table>
${queued}
</section>`;
}

function row(message: RecordedMessage, groups: readonly number[]): string {
  const { seq, id, from, settled, waitMs, count: recipients, size } = message;
  const octets = settled?.bytes || size;
  const facts = [
    `from ${from === "" ? "&lt;&gt;" : escapeText(from)}`,
    octets === undefined ? "" : `${number(octets)} octets`,
  ];
  const fates =
    settled === undefined
      ? `<p class="open">open: ${count(recipients, "recipient")}</p>`
      : `<ul class="fates">${settled.recipients.map(fate).join("")}</ul>`;
  const session = message.session.number;
  const carriers = groups.map(
    (group) => `<button type="button" data-session="${session}" data-group="${group}">${group}</button>`,
  );
  return `<tr class="message" data-session="${session}" data-seq="${seq}"><th scope="row"><button type="button" class="mark" aria-pressed="false"><span class="badge m${seq % HUES}">${seq}</span> ${escapeText(id)}</button><small>${facts.filter(Boolean).join("<br>")}</small></th>
<td>${fates}</td><td class="time">${duration(waitMs)}</td><td class="time">${settled === undefined ? "" : duration(settled.durationMs)}</td><td class="groups">${carriers.join(" ") || "–"}</td></tr>`;
}

/** The class that colours a fate. */
export function fateClass({ status, retryable }: RecordedRecipient): string {
  if (status !== "failed") return status;
  return retryable ? "deferred" : "refused";
}

function fate(recipient: RecordedRecipient): string {
  const { address, status, stage, retryable, why } = recipient;
  const word = status === "failed" ? `failed, ${stage}${retryable ? ", retryable" : ""}` : status;
  return `<li class="${fateClass(recipient)}"><span class="fate">${word}</span> <span class="address">${escapeText(address)}</span> <span class="why">${escapeText(why)}</span></li>`;
}
