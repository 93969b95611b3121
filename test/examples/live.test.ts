import { SmtpError } from "smtp-pipelining";
import { describe, expect, test } from "vitest";
import { Flight } from "../../examples/live/flight.ts";
import { lineOfFlight, summaryOfFlight } from "../../examples/live/picture.ts";
import { hasTerminal, runExample, runInTerminal, runUnread } from "./run.ts";
import { play } from "./virtual-terminal.ts";

/** A terminal without a size is taken for one of 80 columns. */
const COLUMNS = 80;

describe("example:live", () => {
  test("piped: a line a second and a summary, without control characters", async () => {
    const { status, out, errors } = await runExample("live/main.ts", ["--messages", "60", "--latency", "40"]);

    expect({ status, errors }).toEqual({ status: 0, errors: "" });
    const lines = out.trimEnd().split("\n");
    const running = lines.slice(0, -2);
    expect(running.length).toBeGreaterThanOrEqual(2);
    for (const [i, line] of running.entries()) {
      expect(line).toMatch(
        /^\d+\.\d s: \d+ of 60 messages, \d+\.\d messages\/s, \d+ succeeded, \d+ failed, 0 unknown, \d+ commands? in flight, \d+ round trips? saved$/,
      );
      expect(Number.parseFloat(line)).toBeGreaterThanOrEqual(i + 0.9);
    }
    // 60 messages with 1 to 4 recipients are 150; 8 of these are unknown to the server, and 4 busy.
    expect(lines.at(-2)).toMatch(
      /^60 messages in \d+\.\d s \(\d+\.\d messages\/s\): 138 succeeded, 12 failed, 0 unknown\.$/,
    );
    const [, made, alone] =
      /^(\d+) round trips; one command at a time: (\d+)\.$/.exec(lines.at(-1) ?? "") ?? [];
    // Greeting, EHLO, QUIT and about one a message; one at a time MAIL, DATA and the text of each, and 150 RCPT.
    expect(Number(made)).toBeGreaterThanOrEqual(62);
    expect(Number(made)).toBeLessThan(80);
    expect(Number(alone)).toBeGreaterThanOrEqual(3 + 3 * 59 + 150);
    expect(out.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  });

  test.runIf(hasTerminal)("on a terminal: drawn in place, at most ten times a second", async () => {
    const { status, out } = await runInTerminal("live/main.ts", ["--messages", "40", "--latency", "40"]);

    expect(status).toBe(0);
    const { rows, cursorVisible } = play(out, COLUMNS);
    expect(cursorVisible).toBe(true);
    const seen = rows.join("\n");
    // One picture is left, complete.
    expect(seen).toMatch(
      /^40 of 40 messages {2}\d+\.\d messages\/s {2}\d+\.\d s\n█{79}\n\nSucceeded +92 {2}█+\n/,
    );
    expect(seen.match(/^Command groups/gm)?.length).toBe(1);
    expect(seen).toMatch(/^In flight +0 {2}commands; 0 messages begun or queued$/m);
    expect(seen).toMatch(/^ +\d+ {2}text RSET MAIL RCPT×4 DATA +\d+ ms {2}[✓✗]{8}$/m);
    expect(seen).toMatch(/^ +\d+ {2}QUIT +\d+ ms {2}✓$/m);
    expect(seen).toMatch(/^Durations {2}\d+ to \d+ ms {2}[▁▂▃▄▅▆▇█]{10,}$/m);
    expect(seen).toMatch(
      /^Last refusals\n( {2}(nobody-\d+|busy)@example\.net +(550|450) \S.*\n){3}\n40 messages in /m,
    );
    // In the middle of things something is in flight, some of it unanswered.
    const frames = out.split("\x1b[J");
    expect(frames.some((frame) => /In flight {8,}[1-9]/.test(frame))).toBe(true);
    expect(frames.some((frame) => frame.includes("\x1b[2m·\x1b[0m"))).toBe(true);
    const took = Number(/^40 messages in (\d+\.\d) s/m.exec(seen)?.[1]);
    expect(frames.length).toBeGreaterThan(5);
    expect(frames.length).toBeLessThanOrEqual(took * 10 + 4);
  });

  test.runIf(hasTerminal)("Ctrl-C settles what was begun, and gives the terminal back", async () => {
    const { status, out } = await runInTerminal("live/main.ts", ["--messages", "100000"], {
      env: { NO_COLOR: "1" },
      interruptAt: ["Round trips      5"],
    });
    expect(status).toBe(130);
    const { rows, cursorVisible } = play(out, COLUMNS);
    expect(cursorVisible).toBe(true);
    const seen = rows.join("\n");
    expect(seen).toMatch(/^ +\d+ {2}QUIT +\d+ ms {2}✓$/m);
    expect(seen).toMatch(
      /, 0 unknown\.\n.*\nInterrupted: \d+ recipients of messages that had not begun failed by it\.\n*$/,
    );
    expect(out).not.toMatch(/\[\d+m/);
  });

  test.runIf(hasTerminal)("Ctrl-C again ends it at once, also where the server takes its time", async () => {
    const { status, out } = await runInTerminal("live/main.ts", ["--latency", "4000"], {
      interruptAt: ["20 messages begun or queued", "stopping; Ctrl-C again ends it at once"],
    });
    expect(status).toBe(130);
    const { rows, cursorVisible } = play(out, COLUMNS);
    expect(cursorVisible).toBe(true);
    expect(rows.join("\n")).toMatch(
      /, 0 unknown\.\n[\s\S]*Interrupted: 50 recipients of messages that had not begun failed by it\.\n*$/,
    );
    expect(out).not.toContain("QUIT");
  });

  test("ends quietly when nobody reads any more", async () => {
    expect(await runUnread("live/main.ts", ["--messages", "100000"])).toBe(0);
  });

  test("says how it is used, and what is wrong with its arguments", async () => {
    const help = await runExample("live/main.ts", ["-h"]);
    expect({ status: help.status, errors: help.errors }).toEqual({ status: 0, errors: "" });
    expect(help.out).toMatch(/--messages N .*--latency MS .*--window N .*Exit status: 0 .*130 interrupted/s);
    const wrong = await runExample("live/main.ts", ["--window", "0"]);
    expect(wrong).toEqual({
      status: 2,
      out: "",
      errors:
        "--window must be a whole number from 1 to 100000, not 0.\n\nNothing was sent. npm run example:live -- --help says more.\n",
    });
    const negative = await runExample("live/main.ts", ["--latency", "-1"]);
    expect(negative.status).toBe(2);
    expect(negative.errors).toMatch(/^--latency must be a whole number from 0 to 10000, not -1\.\n/);
  });
});

describe("a flight", () => {
  const sessionId = "s";
  const sent = (flight: Flight, groupId: number, command: string): void =>
    flight.sent({ sessionId, time: 1_000, line: command, command, groupId, bytes: 6 });
  const replied = (flight: Flight, groupId: number, command: string, code: number): void => {
    const reply = { code, lines: [""], text: "" };
    flight.replied({ sessionId, time: 1_000, reply, command, groupId, durationMs: 1 });
  };

  test("marks commands as their replies come, and those without one as lost", () => {
    const flight = new Flight();
    replied(flight, 1, "greeting", 220);
    for (const command of ["MAIL", "RCPT", "RCPT", "DATA"]) sent(flight, 2, command);
    replied(flight, 2, "MAIL", 250);
    replied(flight, 2, "RCPT", 550);
    const marks = () => flight.groups.map(({ commands }) => commands.map(({ mark }) => mark));
    expect(marks()).toEqual([["accepted"], ["accepted", "refused", "waiting", "waiting"]]);

    flight.groupEnded({
      sessionId,
      time: 1_020,
      group: {
        id: 2,
        exchanges: [],
        startedAt: 1_000,
        durationMs: 20,
        bytesSent: 0,
        bytesReceived: 0,
        sent: [],
        codes: [250, 550, undefined, undefined],
        messages: [],
        messageSeqs: [],
        errors: [],
        recipients: { accepted: [], succeeded: [], failed: [], unknown: [] },
      },
    });
    expect(marks()[1]).toEqual(["accepted", "refused", "lost", "lost"]);
    expect(flight).toMatchObject({ roundTrips: 1, saved: 1, durations: [20] });
  });

  test("keeps the last groups only", () => {
    const flight = new Flight();
    for (let id = 1; id <= 100; id++) sent(flight, id, "NOOP");
    expect(flight.groups.map(({ id }) => id)).toEqual([95, 96, 97, 98, 99, 100]);
  });

  test("says in the end what the session failed with", () => {
    const flight = new Flight();
    sent(flight, 1, "MAIL");
    flight.error = new SmtpError("ESMTP_TIMEOUT", "Nothing came");
    const situation = {
      total: 3,
      startedAt: 1_000,
      now: 3_000,
      pending: 0,
      inFlight: 0,
      state: "closed",
      interrupted: false,
    } as const;
    expect(summaryOfFlight(flight, situation)).toEqual([
      "0 messages in 2.0 s (0.0 messages/s): 0 succeeded, 0 failed, 0 unknown.",
      "0 round trips; one command at a time: 0.",
      "The session failed: Nothing came (ESMTP_TIMEOUT)",
    ]);
  });

  test("its rate is that of the last five seconds", () => {
    const flight = new Flight();
    const delivery = { id: "1", ok: true, from: "", recipients: [], succeeded: [], failed: [], unknown: [] };
    const about = {
      messageId: "1",
      messageSeq: 1,
      delivery,
      accepted: 0,
      durationMs: 0,
      waitMs: 0,
      bytes: 0,
    };
    for (const time of [10_100, 11_000, 12_000, 13_000]) flight.messageEnded({ sessionId, time, ...about });
    expect(flight.rate(10_000, 10_000)).toBe(0);
    expect(flight.rate(14_000, 10_000)).toBe(1);
    expect(flight.rate(16_500, 10_000)).toBe(0.4);
    expect(
      lineOfFlight(flight, {
        total: 1_234,
        startedAt: 10_000,
        now: 17_500,
        pending: 1,
        inFlight: 1,
        state: "ready",
        interrupted: false,
      }),
    ).toBe(
      "7.5 s: 4 of 1,234 messages, 0.2 messages/s, 0 succeeded, 0 failed, 0 unknown, 1 command in flight, 0 round trips saved",
    );
  });
});
