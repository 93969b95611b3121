import { expect, test } from "vitest";
import { SmtpError } from "../../src/protocol/errors.ts";
import type { Reply } from "../../src/protocol/reply.ts";

const reply: Reply = { code: 450, enhanced: "4.2.1", lines: ["4.2.1 busy"], text: "4.2.1 busy" };

test("an SmtpError is an Error with its name, code and message", () => {
  const error = new SmtpError("ESMTP_TIMEOUT", "No answer");
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name: "SmtpError", code: "ESMTP_TIMEOUT", message: "No answer" });
  expect(String(error)).toBe("SmtpError: No answer");
  expect(error.stack).toContain("errors.test.ts");
});

test("it carries command, reply, retryable and cause", () => {
  const cause = new TypeError("x");
  const error = new SmtpError("ESMTP_CONNECT", "y", { command: "MAIL", reply, retryable: true, cause });
  expect(error.command).toBe("MAIL");
  expect(error.reply).toBe(reply);
  expect(error.retryable).toBe(true);
  expect(error.cause).toBe(cause);
});

test.each([
  ["no details", undefined],
  ["empty details", {}],
  ["undefined details", { command: undefined, reply: undefined, retryable: undefined, cause: undefined }],
])("what is not given is absent, and not retryable: %s", (_what, details) => {
  const error = new SmtpError("ESMTP_CLOSED", "z", details);
  expect(Object.keys(error).sort()).toEqual(["code", "name", "retryable"]);
  expect("cause" in error).toBe(false);
  expect(error.retryable).toBe(false);
});

test("each detail stands alone", () => {
  expect(Object.keys(new SmtpError("ESMTP_CLOSED", "z", { command: "QUIT" }))).toContain("command");
  expect(new SmtpError("ESMTP_CLOSED", "z", { command: "QUIT" })).not.toHaveProperty("reply");
  expect(new SmtpError("ESMTP_CLOSED", "z", { reply })).not.toHaveProperty("command");
  expect(new SmtpError("ESMTP_SOURCE_FAILED", "z", { cause: null }).cause).toBeNull();
});
