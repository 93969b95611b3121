import { BoundedPeerMemory, type PeerFacts } from "smtp-pipelining";
import { afterEach, expect, test, vi } from "vitest";
import { peerKey } from "../../src/session/peers.ts";
import { BYE, conversation, HELLO, message } from "../support/scripted-peer.ts";

const UNFIT: PeerFacts = { followOn: "unfit", pipelining: true, chunking: "unproven" };
const HOUR = 3_600_000;

afterEach(() => {
  vi.useRealTimers();
});

test("what was learnt is kept for 24 hours", () => {
  vi.useFakeTimers({ now: 0 });
  const memory = new BoundedPeerMemory();
  memory.set("peer", UNFIT);
  vi.setSystemTime(24 * HOUR);
  expect(memory.get("peer")).toEqual(UNFIT);
  vi.setSystemTime(24 * HOUR + 1);
  expect(memory.get("peer")).toBeUndefined();
});

test("of more than 10,000 peers the one learnt of longest ago is forgotten", () => {
  const memory = new BoundedPeerMemory();
  for (let i = 0; i < 10_000; i++) memory.set(`peer ${i}`, UNFIT);
  memory.set("peer 0", { followOn: "proven", pipelining: true, chunking: "unproven" }); // learnt anew
  memory.set("one more", UNFIT);
  expect(memory.get("peer 0")).toEqual({ followOn: "proven", pipelining: true, chunking: "unproven" });
  expect(memory.get("peer 1")).toBeUndefined();
  expect(memory.get("peer 2")).toEqual(UNFIT);
});

test("a peer is known by host, port and what it offers, in whatever order it says so", () => {
  const offers = (...keywords: readonly string[]) => new Map(keywords.map((keyword) => [keyword, ""]));
  const key = peerKey("mx.example.net", 25, offers("PIPELINING", "8BITMIME"));
  expect(peerKey("mx.example.net", 25, offers("8BITMIME", "PIPELINING"))).toBe(key);
  expect(peerKey("mx.example.net", 26, offers("PIPELINING", "8BITMIME"))).not.toBe(key);
  expect(peerKey("mx.example.org", 25, offers("PIPELINING", "8BITMIME"))).not.toBe(key);
  expect(peerKey("mx.example.net", 25, offers("PIPELINING"))).not.toBe(key);
  expect(key.length).toBeLessThan(60);
});

test("a memory that throws costs nothing but a warning", async () => {
  const peers = {
    get: (): undefined => {
      throw new Error("no such table");
    },
    set: () => undefined,
  };
  const { fates, warnings } = await conversation(
    [message(1)],
    `
    ${HELLO}
    C: MAIL FROM:<a1@example.org>
    C: RCPT TO:<b1@example.net>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go on
    C: Text 1
    C: .
    S: 250 queued
    ${BYE}`,
    { session: { peers } },
  );
  expect(fates).toEqual(["b1 succeeded 250"]);
  expect(warnings).toEqual(["ESMTP_PEER_MEMORY_FAILED"]);
});
