import { createTestServer, cut, type TestServer } from "smtp-pipelining/testing";

/** Milliseconds each way. */
const LATENCY = 5;

/** How often a connection breaks behind a text that was taken, with no answer. */
const CUTS = 2;

/** A mail server that refuses some, puts off some, and hangs up on what it has just taken. */
export function startMailServer(messages: number): Promise<TestServer> {
  const seen = new Set<string>();
  return createTestServer({
    latency: LATENCY,
    extensions: ["PIPELINING", "CHUNKING", "8BITMIME", "ENHANCEDSTATUSCODES"],
    replies: {
      "RCPT TO:<gone-": "550 5.1.1 No such user here",
      "RCPT TO:<busy-": ({ line }) => {
        if (seen.has(line)) return undefined;
        seen.add(line);
        return "450 4.2.1 Mailbox busy";
      },
    },
    faults: Array.from({ length: CUTS }, (_, i) =>
      cut({ at: "text", nth: Math.ceil((messages * (i + 1)) / (CUTS + 1)) }),
    ),
  });
}
