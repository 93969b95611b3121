import { SpanStatusCode } from "@opentelemetry/api";
import { describe, expect, test } from "vitest";
import { drawTree } from "../../examples/trace/tree.ts";
import { drawWaterfall } from "../../examples/trace/waterfall.ts";
import { type HandMadeSpan, handMadeSpan } from "../support/hand-made-span.ts";

/** Two messages, three groups: in the order in which they end, as an exporter gets them. */
const BATCH: readonly HandMadeSpan[] = [
  {
    id: "g1",
    parent: "m1",
    name: "MAIL",
    from: 100,
    to: 200,
    attributes: { "smtp.group.id": 1, "smtp.group.bytes_sent": 0 },
    links: { m1: { "smtp.message.seq": 1, "smtp.message.part": "start" } },
  },
  {
    id: "m1",
    parent: "root",
    name: "smtp send",
    from: 0,
    to: 300,
    attributes: {
      "server.address": "127.0.0.1",
      "messaging.message.id": "a",
      "smtp.message.wait_ms": 100.04,
      "smtp.recipients.failed": 1,
    },
    status: { code: SpanStatusCode.OK },
    events: [{ name: "refused", at: 200, attributes: { "smtp.recipient.stage": "rcpt" } }],
  },
  {
    id: "g2",
    parent: "m2",
    name: "text MAIL",
    from: 200,
    to: 300,
    status: { code: SpanStatusCode.ERROR, message: "MAIL was answered 550" },
    attributes: { "error.type": "550" },
    links: {
      m1: { "smtp.message.seq": 1, "smtp.message.part": "end" },
      m2: { "smtp.message.seq": 2, "smtp.message.part": "start" },
      elsewhere: { "smtp.message.part": "end" },
    },
  },
  {
    id: "m2",
    parent: "root",
    name: "smtp send",
    from: 0,
    to: 300,
    attributes: { "messaging.message.id": "b", "smtp.message.wait_ms": 200 },
    status: { code: SpanStatusCode.ERROR },
  },
  { id: "root", parent: "unknown", name: "batch", from: 0, to: 400 },
  { id: "q", name: "QUIT", from: 300, to: 399.96 },
];

const spans = BATCH.map(handMadeSpan);

describe("the tree", () => {
  test("shows parents by branches, durations, status, attributes, events and links", () => {
    expect(drawTree(spans, 100)).toEqual([
      "batch             400.0 ms  unset",
      "├─ smtp send a    300.0 ms  ok",
      "│  │    smtp.message.wait_ms=100  smtp.recipients.failed=1",
      "│  │    event refused at 200.0 ms  smtp.recipient.stage=rcpt",
      "│  └─ MAIL        100.0 ms  unset",
      "│          smtp.group.id=1",
      "│          link to smtp send a  smtp.message.part=start",
      "└─ smtp send b    300.0 ms  ERROR",
      "   │    smtp.message.wait_ms=200",
      "   └─ text MAIL   100.0 ms  ERROR: MAIL was answered 550",
      "           error.type=550",
      "           link to smtp send a  smtp.message.part=end",
      "           link to smtp send b  smtp.message.part=start",
      "           link to span elsewhere  smtp.message.part=end",
      "QUIT              100.0 ms  unset",
    ]);
  });

  test("wraps what stands below a span", () => {
    const lines = drawTree(spans, 44);
    expect(lines.slice(2, 6)).toEqual([
      "│  │    smtp.message.wait_ms=100",
      "│  │      smtp.recipients.failed=1",
      "│  │    event refused at 200.0 ms",
      "│  │      smtp.recipient.stage=rcpt",
    ]);
  });

  test("puts why a span failed below it, if there is no room beside", () => {
    const lines = drawTree(spans, 44);
    const failed = lines.findIndex((line) => line.includes("text MAIL"));
    expect(lines.slice(failed, failed + 3)).toEqual([
      "   └─ text MAIL   100.0 ms  ERROR",
      "           MAIL was answered 550",
      "           error.type=550",
    ]);
  });

  test("of nothing is nothing", () => {
    expect(drawTree([], 100)).toEqual([]);
  });
});

describe("the waterfall", () => {
  test("shows a bar a span, what a message waited, what failed, and what groups carry where there is room", () => {
    // 13 columns of labels, 2 between, 40 of pictures: 10 ms each.
    expect(drawWaterfall(spans, 55)).toEqual([
      "               0 ms                200 ms        400 ms",
      "batch          ████████████████████████████████████████",
      "  smtp send a  ··········████████████████████",
      "    MAIL                 ██████████ 1 start",
      "  smtp send b  ····················▒▒▒▒▒▒▒▒▒▒",
      "    text MAIL                      ▒▒▒▒▒▒▒▒▒▒",
      "QUIT                                         ██████████",
      "",
      "█ under way   ▒ failed   · waiting for its turn",
      "1 end, 2 start: text of message 1 and envelope of message 2",
    ]);
  });

  test("puts what a group carries before its bar, if there is no room behind", () => {
    const late = handMadeSpan({
      id: "late",
      name: "text",
      from: 300,
      to: 400,
      links: { m2: { "smtp.message.seq": 2, "smtp.message.part": "end" } },
    });
    expect(drawWaterfall([...spans, late], 55)[7]).toBe(
      "text                                   2 end ██████████",
    );
  });

  test("puts it into a bar that leaves no room on either side", () => {
    const links = { m2: { "smtp.message.seq": 2, "smtp.message.part": "end" } };
    const long = handMadeSpan({ id: "long", name: "text", from: 300, to: 3_700, links });
    const whole = handMadeSpan({ id: "whole", name: "batch", from: 0, to: 4_000 });
    // 100 ms a column.
    expect(drawWaterfall([whole, long], 47)[2]).toBe("text      █ 2 end ██████████████████████████");
    // Nor there, if it is too short.
    expect(drawWaterfall([whole, long], 15)[2]).toBe("text    ██████");
  });

  test("shows a message that waited to its end", () => {
    const attributes = { "smtp.message.wait_ms": 400 };
    const late = handMadeSpan({ id: "late", name: "smtp send", from: 0, to: 400, attributes });
    expect(drawWaterfall([late], 31)[1]).toBe("smtp send  ···················█");
  });

  test("keeps to a narrow terminal: labels are cut", () => {
    const rows = drawWaterfall(spans, 30).slice(0, 7);
    // No room for the middle of the axis.
    expect(rows[0]).toBe("              0 ms      400 ms");
    expect(rows[2]).toBe("  smtp send…  ····████████");
    expect(Math.max(...rows.map(({ length }) => length))).toBe(30);
  });

  test("shows every span, also of no duration, at the very end", () => {
    const point = handMadeSpan({ id: "p", name: "point", from: 400, to: 400 });
    expect(drawWaterfall([...spans, point], 55)[7]).toBe(`${"point".padEnd(54)}█`);
    expect(drawWaterfall([point], 17).slice(1, 2)).toEqual(["point  █"]);
  });

  test("of nothing is nothing", () => {
    expect(drawWaterfall([], 100)).toEqual([]);
  });
});
