import { Writable } from "node:stream";
import { count, counted, duration, octets, rate } from "../output/amounts.ts";
import { startTicker, type Ticker } from "../output/ticker.ts";
import type { Output } from "../shell.ts";
import { expected, type Reading, type Speed } from "./speed.ts";
import type { Tally, UnknownFate } from "./tally.ts";

/** What progress is told from. */
export interface Watched {
  readonly tally: Tally;
  readonly speed: Speed;
  reading(): Reading;
  /** Messages that a session has, or that wait for one. */
  inFlight(): number;
}

/** How far it is, in words: `1,204 of 2,000 messages, 311/s, 128 in flight; 1,200 succeeded, …`. */
function progressText(watched: Watched, time: number): string {
  const { tally } = watched;
  const messages = expected(watched.reading());
  const perSecond = watched.speed.at(time, tally.settled);
  const done = tally.settled + tally.skipped + tally.problems;
  const left =
    messages === undefined || perSecond === 0 || done >= messages
      ? undefined
      : ((messages - done) / perSecond) * 1_000;
  return [
    `${count(done)}${messages === undefined ? "" : ` of ${count(messages)}`} messages`,
    `${rate(perSecond)}/s`,
    `${count(watched.inFlight())} in flight`,
    fates(tally),
    ...(left === undefined ? [] : [`${duration(left)} left`]),
  ].join(", ");
}

/** How much is done, from 0 to 1; undefined if that can't be known. */
function progressFraction({ tally, reading }: Watched): number | undefined {
  const messages = expected(reading());
  const done = tally.settled + tally.skipped + tally.problems;
  return messages === undefined ? undefined : done / Math.max(messages, 1);
}

function fates({ succeeded, failed, unknown }: Tally): string {
  return `${count(succeeded)} succeeded, ${count(failed)} failed, ${count(unknown)} unknown`;
}

const WHAT_TO_DO =
  "They may have got it. The same command again leaves them alone; with --resend-unknown it sends to them again.";

/** As many as one reads. */
const LISTED = 20;

function listed(fates: readonly UnknownFate[], all: number): string[] {
  const first = fates.slice(0, LISTED);
  return [
    ...first.map(({ id, address }) => `unknown: ${address}, message ${id}`),
    ...(all <= first.length ? [] : [`unknown: ${count(all - first.length)} more`]),
  ];
}

/**
 * What became of everything, in a few lines.
 * @param ms how long it took
 * @param held whose fate a journal does not know, from earlier runs, too
 */
export function summary(tally: Tally, ms: number, held: readonly UnknownFate[] | undefined): string {
  const { settled, skipped, problems, deferred, untried, unknown, unknownFates, problemTexts } = tally;
  const lines = [
    `${counted(settled, "message")} in ${duration(ms)}, ${octets(tally.octets)}: ${fates(tally)}`,
    ...(deferred === 0 ? [] : [`${counted(deferred, "recipient")} of the failed may succeed later`]),
    ...(skipped === 0 ? [] : [`${counted(skipped, "message")} left out: the journal has them`]),
    ...(problems === 0 ? [] : [`${counted(problems, "message")} of the input can't be sent`]),
    ...problemTexts,
    ...(problems <= problemTexts.length ? [] : [`${count(problems - problemTexts.length)} more`]),
    ...(untried === 0 ? [] : [`${counted(untried, "recipient")} not tried`]),
    ...(held === undefined ? listed(unknownFates, unknown) : listed(held, held.length)),
    ...(held === undefined || held.length === 0 ? [] : [WHAT_TO_DO]),
  ];
  return `${lines.join("\n")}\n`;
}

const BAR = 20;

/** Shows progress: a bar on a terminal, elsewhere a line every ten seconds. */
export async function startProgress(output: Output, watched: Watched): Promise<Ticker> {
  const text = (): string => progressText(watched, performance.now());
  if (output.isTTY !== true) return startTicker(output, text);
  const { Format, Presets, SingleBar } = (await import("cli-progress")).default;
  const bar = new SingleBar(
    {
      stream: terminalOf(output),
      fps: 10,
      barsize: BAR,
      // Others write to the terminal as well.
      forceRedraw: true,
      hideCursor: false,
      linewrap: null,
      clearOnComplete: true,
      gracefulExit: false,
      format: (options, params) => {
        const fraction = progressFraction(watched);
        const drawn = fraction === undefined ? "" : `${Format.BarFormat(Math.min(fraction, 1), options)} `;
        return `${drawn}${text()}`.slice(0, Math.max(params.maxWidth - 1, 1));
      },
    },
    Presets.shades_classic,
  );
  bar.start(1, 0);
  return {
    clear: () => void output.write("\r\x1b[K"),
    stop: () => bar.stop(),
  };
}

/** The terminal without the saving of the cursor, which brings back a row that has scrolled away since. */
function terminalOf(output: Output): Output {
  const stream = new Writable({
    decodeStrings: false,
    write: (text: string, _, done) => {
      if (text === "\x1b7" || text === "\x1b8") done();
      else output.write(text, () => done());
    },
  });
  return Object.defineProperties(stream, {
    isTTY: { value: true },
    columns: { get: () => output.columns },
  });
}
