import { Buffer } from "node:buffer";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Input, InputOptions } from "../../../src/cli/input/index.ts";
import { lines } from "../../../src/cli/input/json-lines.ts";
import { SmtpSession } from "../../../src/index.ts";
import { messagesOf, octetsOf, problemsOf, readAll } from "./support.ts";

const EML = "From: author@example.org\nTo: reader@example.net\nBcc: blind@example.net\nSubject: x\n\nHello\n";
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "json-lines-"));
  writeFileSync(join(folder, "a.eml"), EML);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Reads lines on standard input. */
function read(text: string | Uint8Array, options: InputOptions = {}): Promise<Input[]> {
  return readAll(["-"], { kind: "jsonl", stdin: Readable.from([text]), directory: folder, ...options });
}

const ENVELOPE = { from: "me@example.org", to: ["a@example.net"], data: "Subject: x\n\nHello\n" };

describe("an envelope", () => {
  test("has the fields of a message", async () => {
    const line = {
      ...ENVELOPE,
      to: [
        "a@example.net",
        { address: "b@example.net", notify: ["FAILURE", "DELAY"], orcpt: "c@example.net" },
      ],
      id: "order-1",
      tag: { customer: 7 },
      body: "8BITMIME",
      requireAllRecipients: true,
      smtputf8: true,
      requireTls: true,
      dsn: { envid: "e1", ret: "HDRS" },
      deliverBy: { seconds: 60, mode: "N", trace: true },
      mtPriority: 3,
      holdUntil: "2030-01-31T12:00:00Z",
    };
    const [message] = messagesOf(await read(JSON.stringify(line)));
    const { data, tag, ...fields } = line;
    expect(message).toMatchObject(fields);
    expect(message?.tag).toEqual({ path: "-", line: 1, tag });
    expect(message && (await octetsOf(message.data))).toBe(data);
  });

  test("takes what it does not say from the header section of its text", async () => {
    const [message] = messagesOf(await read(JSON.stringify({ data: EML })));
    expect(message).toMatchObject({
      from: "author@example.org",
      to: ["reader@example.net", "blind@example.net"],
    });
    expect(message && (await octetsOf(message.data))).not.toContain("blind");
  });

  test("may have a file for its text", async () => {
    const [message] = messagesOf(await read(JSON.stringify({ file: "a.eml", to: "x@example.net" })));
    expect(message).toMatchObject({ from: "author@example.org", to: "x@example.net" });
    expect(message && (await octetsOf(message.data))).toBe(EML.replace(/Bcc.*\n/, ""));
  });

  test("options are before it", async () => {
    const options = { from: "y@example.org", to: "test@example.net" };
    const [message] = messagesOf(await read(JSON.stringify(ENVELOPE), options));
    expect(message).toMatchObject(options);
  });

  test("need not have a text that begins with a field, if it says the rest", async () => {
    const [message] = messagesOf(await read(JSON.stringify({ ...ENVELOPE, data: "" })));
    expect(message && (await octetsOf(message.data))).toBe("");
  });

  test("a field that is null is absent", async () => {
    const [message] = messagesOf(
      await read(JSON.stringify({ ...ENVELOPE, id: null, dsn: null, file: null })),
    );
    expect(Object.keys(message ?? {}).sort()).toEqual(["data", "from", "id", "tag", "to"]);
  });

  test("has its text as UTF-8", async () => {
    const [message] = messagesOf(await read(JSON.stringify({ ...ENVELOPE, data: "Ä\u2028€" })));
    expect(message && (await octetsOf(message.data))).toBe(Buffer.from("Ä\u2028€").toString("latin1"));
  });
});

describe("a line that is no envelope is a problem with its number, and the others follow", () => {
  test.each<[string, string, RegExp]>([
    ["no JSON", "{from: x}", /it is no JSON/],
    ["half of it", '{"from": "x"', /it is no JSON/],
    ["no object", '["a"]', /must be an object/],
    ["another", "null", /must be an object/],
    ["an unknown field", '{"cc": "x"}', /unknown field "cc"; known are from, to, data, file, id, /],
    ["a size", '{"size": 1}', /unknown field "size"/],
    ["a signal", '{"signal": {}}', /unknown field "signal"/],
    ["__proto__", '{"__proto__": {}}', /unknown field "__proto__"/],
    ["no recipient", '{"to": []}', /to, which must have a recipient/],
    [
      "an empty place among them",
      '{"to": ["a@example.net", null]}',
      /to, which must be a string or an object/,
    ],
    ["a recipient that is none", '{"to": {"name": "x"}}', /to, which lacks address/],
    ["notify", '{"to": {"address": "x", "notify": ["NEVER"]}}', /notify, which must be "NEVER" or/],
    [
      "notify twice",
      '{"to": {"address": "x", "notify": ["DELAY", "DELAY"]}}',
      /notify, which must be "NEVER" or/,
    ],
    ["from", '{"from": 1}', /from, which must be a string/],
    ["id", '{"id": ""}', /id, which must be a string of at least one character/],
    ["a control character in it", '{"id": "a\\nb"}', /none of them a control character/],
    ["body", '{"body": "8bit"}', /body, which must be one of "7BIT", "8BITMIME", "BINARYMIME"/],
    ["dsn", '{"dsn": {"ret": "ALL"}}', /dsn, which has ret, which must be one of "FULL", "HDRS"/],
    ["deliverBy", '{"deliverBy": {"seconds": 1}}', /deliverBy, which lacks mode/],
    ["half a character", '{"data": "\\ud800"}', /data, which must be a string of whole characters/],
    ["no text", '{"from": "a@example.org", "to": "b@example.net"}', /has neither of data and file/],
    ["two texts", '{"data": "x", "file": "y"}', /has both of data and file/],
  ])("%s", async (_name, line, message) => {
    const inputs = await read(`${JSON.stringify(ENVELOPE)}\n\n${line}\r\n${JSON.stringify(ENVELOPE)}`);
    expect(inputs.map(({ problem }) => problem?.code)).toEqual([undefined, "bad-line", undefined]);
    const [problem] = problemsOf(inputs);
    expect(problem?.origin).toEqual({ path: "-", line: 3 });
    expect(problem?.message).toMatch(/^standard input:3: /);
    expect(problem?.message).toMatch(message);
    expect(problem?.message).not.toMatch(/\p{Cc}/u);
  });

  test("not UTF-8", async () => {
    const [problem] = problemsOf(await read(Buffer.from('{"data": "\xe9"}', "latin1")));
    expect(problem?.message).toMatch(/:1: it is no JSON \(it is not UTF-8\)/);
  });

  test.each<[string, string, RegExp]>([
    ["that is not there", "nix.eml", /^standard input:1: its file "nix.eml": there is no such file/],
    ["that is a directory", ".", /^standard input:1: its file "\." is no file/],
  ])("a file %s", async (_name, file, message) => {
    const [problem] = problemsOf(await read(JSON.stringify({ file })));
    expect(problem).toMatchObject({ code: "unreadable", message: expect.stringMatching(message) });
  });

  test("a text without a sender", async () => {
    const [problem] = problemsOf(await read(JSON.stringify({ to: "a@example.net", data: "x" })));
    expect(problem).toMatchObject({
      code: "no-sender",
      message: expect.stringMatching(/^standard input:1: /),
    });
  });
});

describe("ids", () => {
  test("the line's own, else its place and what it says", async () => {
    const ids = async (text: string): Promise<(string | undefined)[]> =>
      messagesOf(await read(text)).map(({ id }) => id);
    const line = JSON.stringify(ENVELOPE);
    const first = await ids(`${line}\n${line}\n${JSON.stringify({ ...ENVELOPE, id: "mine" })}\n`);
    expect(first[0]).toMatch(/^standard input:1#[\da-f]{16}$/);
    expect(first[1]).toBe(first[0]?.replace(":1#", ":2#"));
    expect(first[2]).toBe("mine");
    expect(await ids(`${line}\n${line}\n`)).toEqual(first.slice(0, 2));
    // Another envelope in its place is another message.
    expect(await ids(JSON.stringify({ ...ENVELOPE, to: "b@example.net" }))).not.toEqual(first.slice(0, 1));
  });
});

describe("lines", () => {
  test("are read in whatever blocks they come", async () => {
    const text = fc
      .array(fc.constantFrom("a", "\n", "\r", "\u2028", "é", " "), { maxLength: 30 })
      .map((parts) => parts.join(""));
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 5 }), async (given, size) => {
        const octets = Buffer.from(given);
        const blocks = async function* (): AsyncGenerator<Buffer> {
          for (let at = 0; at < octets.length; at += size) yield octets.subarray(at, at + size);
        };
        const read: string[] = [];
        for await (const { number, end, octets: line } of lines(blocks())) {
          read.push(line?.toString() ?? "");
          expect(number).toBe(read.length);
          expect(end).toBe(Math.min(octets.length, Buffer.byteLength(`${read.join("\n")}\n`)));
        }
        expect(read).toEqual(given === "" ? [] : given.replace(/\n$/, "").split("\n"));
      }),
    );
  });

  test("one that is too long is a problem, and the next is read", async () => {
    const block = Buffer.alloc(1_000_000, "x");
    const blocks = async function* (): AsyncGenerator<Buffer> {
      for (let i = 0; i < 68; i++) yield block;
      yield Buffer.from(`\n${JSON.stringify(ENVELOPE)}\n`);
    };
    const inputs = await readAll(["-"], { kind: "jsonl", stdin: Readable.from(blocks()) });
    expect(inputs.map(({ problem, message }) => problem?.code ?? message?.from)).toEqual([
      "too-long",
      "me@example.org",
    ]);
  });
});

test("what passes is a message to a session, whatever it says", async () => {
  const text = fc.constantFrom("a@example.org", "", "x", "é@example.org");
  const condition = fc.constantFrom("NEVER", ["DELAY"], ["DELAY", "DELAY"], []);
  const recipient = fc.oneof(
    text,
    fc.record({ address: text, notify: condition, orcpt: text }, { requiredKeys: [] }),
  );
  const mode = fc.constantFrom("R", "N", "x");
  const values: Record<string, fc.Arbitrary<unknown>> = {
    from: text,
    to: fc.oneof(recipient, fc.array(recipient)),
    data: text,
    id: fc.string(),
    tag: fc.jsonValue(),
    body: fc.constantFrom("7BIT", "BINARYMIME", "x"),
    requireAllRecipients: fc.boolean(),
    smtputf8: fc.boolean(),
    requireTls: fc.boolean(),
    dsn: fc.record({ envid: text, ret: fc.constantFrom("FULL", "x"), x: text }, { requiredKeys: [] }),
    deliverBy: fc.record({ seconds: fc.double(), mode, trace: fc.boolean() }, { requiredKeys: [] }),
    mtPriority: fc.double(),
    holdFor: fc.integer(),
    holdUntil: text,
    size: fc.integer(),
    signal: fc.constant({}),
  };
  const field = fc
    .constantFrom(...Object.keys(values))
    .chain((name) =>
      fc.tuple(fc.constant(name), fc.oneof(values[name] ?? text, fc.jsonValue({ maxDepth: 1 }))),
    );
  const session = new SmtpSession({ host: "127.0.0.1", port: 1 });
  const passed = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(field, { minLength: 1, maxLength: 3 }), async (fields) => {
      const line = JSON.stringify({ ...ENVELOPE, ...Object.fromEntries(fields) });
      for (const { message } of await read(line)) {
        if (message === undefined) continue;
        for (const [name] of fields) passed.add(name);
        // It rejects only for an argument of the wrong shape.
        const { ok } = await session.pipeline({ ...message, signal: AbortSignal.abort() });
        expect(ok).toBe(false);
      }
    }),
    { numRuns: 2_000 },
  );
  session.destroy();
  expect(passed.size).toBeGreaterThan(12);
});
