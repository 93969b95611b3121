import { attachRecorder } from "smtp-pipelining/recorder";
import { expect, test } from "vitest";
import { pool } from "../support/event-pool.ts";
import { pageText, pictureOf } from "../support/recorded.ts";

test("the oldest groups go, the page says how many, and the totals count them still", () => {
  const { target, open, group } = pool();
  const recorder = attachRecorder(target, { maxGroups: 3 });
  open("s");
  for (let id = 1; id <= 10; id++) group("s", id, 2);
  const [session] = pictureOf(recorder.html());
  expect(session?.groups.map(({ id }) => id)).toEqual([8, 9, 10]);
  const text = pageText(recorder.html());
  expect(text).toContain("Left out below: 7 groups");
  expect(text).toContain("Commands 20 in 10 groups");
  expect(text).toContain("20 answered commands in 10 groups: 10 round trips used, 10 saved");
  expect(text).toContain("about 50 ms at 5.00 ms each");
  expect(text).toContain("Octets 200 sent, 70 received");
});

test("so do groups of many commands, 20 for each group that may be; the newest stays whole", () => {
  const { target, open, group } = pool();
  const recorder = attachRecorder(target, { maxGroups: 10 });
  open("s");
  group("s", 1, 90);
  group("s", 2, 90);
  expect(pictureOf(recorder.html())[0]?.groups.map(({ id }) => id)).toEqual([1, 2]);
  group("s", 3, 90);
  expect(pictureOf(recorder.html())[0]?.groups.map(({ id }) => id)).toEqual([2, 3]);
  group("s", 4, 1_000);
  const [session] = pictureOf(recorder.html());
  expect(session?.groups.map(({ id, exchanges }) => [id, exchanges.length])).toEqual([[4, 1_000]]);
});

test("the oldest settled messages go; those whose fate is open stay", () => {
  const { target, open, message } = pool();
  const recorder = attachRecorder(target, { maxGroups: 2 });
  open("s");
  message("s", 1, ["first@example.net"], false);
  for (let seq = 2; seq <= 6; seq++) message("s", seq, [`r${seq}@example.net`]);
  const text = pageText(recorder.html());
  expect(text).toContain("Left out below: 3 messages");
  expect(text).toContain("1 m1 from a@example.org");
  expect(text).toContain("r5@example.net");
  expect(text).toContain("r6@example.net");
  expect(text).not.toContain("r4@example.net");
  expect(text).toContain("5 recipients 5 succeeded");
  // Recipients count too: 20 for each message that may be.
  message(
    "s",
    7,
    Array.from({ length: 40 }, (_, i) => `x${i}@example.net`),
  );
  expect(pageText(recorder.html())).not.toContain("r6@example.net");
  expect(pageText(recorder.html())).toContain("x39@example.net");
});

test("sessions of a pool are kept apart, the oldest closed ones go, and their end does not end the recording", () => {
  const { target, open, close, group, message } = pool();
  const recorder = attachRecorder(target);
  open("first");
  group("first", 1, 1);
  for (let n = 1; n <= 101; n++) {
    open(`s${n}`);
    group(`s${n}`, 1, 1);
    message(`s${n}`, 1, [`to-s${n}@example.net`]);
    close(`s${n}`);
  }
  const html = recorder.html();
  expect(pictureOf(html)).toHaveLength(101); // the open one, and 100 closed
  const text = pageText(html);
  expect(text).toContain("Left out below: 1 group, 1 message, 1 closed session");
  expect(text).toContain("first.example:25");
  expect(text).not.toContain("to-s1@example.net");
  expect(text).toContain("to-s2@example.net");
  expect(text).toContain("to-s101@example.net");
  expect(text).toContain("Commands 102 in 102 groups");
  recorder.detach();
  expect(target.eventNames()).toEqual([]);
});

test("a long reply is cut, and says so", () => {
  const { target, open } = pool();
  const recorder = attachRecorder(target);
  open("s");
  const text = "x".repeat(5_000);
  const event = { sessionId: "s", time: 1_700_000_000_100, groupId: 1, command: "NOOP" };
  target.emit("groupStart", event);
  target.emit("sent", { ...event, line: "NOOP", bytes: 6 });
  target.emit("reply", { ...event, reply: { code: 250, lines: [text], text }, durationMs: 1 });
  expect(recorder.html().length).toBeLessThan(attachRecorder(pool().target).html().length + 4_000);
  expect(pictureOf(recorder.html())[0]?.groups[0]?.exchanges[0]?.at(-1)).toBe(
    `${"x".repeat(2_000)}… (5000 characters)`,
  );
});
