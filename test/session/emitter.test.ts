import { SmtpSession } from "smtp-pipelining";
import { expect, test } from "vitest";

test("listeners can be removed again, however they were added", async () => {
  const session = new SmtpSession({ host: "192.0.2.1" });
  const heard: string[] = [];
  const listener = () => heard.push("close");
  session.on("close", listener);
  session.off("close", listener);
  session.once("close", listener);
  session.removeListener("close", listener);
  session.addListener("close", listener);
  expect(session.listenerCount("close")).toBe(1);
  session.off("close", listener);
  session.on("close", () => heard.push("the other"));
  await session.quit();
  expect(heard).toEqual(["the other"]);
});
