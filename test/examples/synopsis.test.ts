import { expect, test, vi } from "vitest";
import { startTestServer } from "../support/embedded-server.ts";
import { runExample } from "./run.ts";

test("the synopsis, to its own server: one recipient is refused", async () => {
  const said: string[] = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => said.push(line));
  vi.spyOn(console, "warn").mockImplementation((line: string) => said.push(line));
  try {
    await import("../../examples/synopsis.ts"); // it runs when it is loaded
  } finally {
    vi.restoreAllMocks();
  }
  expect(said).toEqual([
    "Sent successfully to the following addresses: s1@example.com s3@example.com",
    "Failed sending to s2@example.com",
    "An error occurred: we said RCPT TO:<s2@example.com> and the server responded 550 5.1.1 No such user here",
    "An error occurred: we said DATA and the server responded 503 5.5.1 Error: need RCPT command",
  ]);
});

test("the synopsis, to a real server", async () => {
  const server = await startTestServer();
  const { status, out, errors } = await runExample("synopsis.ts", [], {
    SMTP_URL: `smtp://${server.host}:${server.port}`,
  });
  expect({ status, out, errors }).toEqual({
    status: 0,
    out: "Sent successfully to the following addresses: s1@example.com s2@example.com s3@example.com\n",
    errors: "",
  });
  expect(server.arrivals.map(({ text }) => text.toString())).toEqual(
    ["s1", "s2", "s3"].map(
      (name) => `From: sender@example.com\r\n\r\nThis is a mail to ${name}@example.com\r\n`,
    ),
  );
});
