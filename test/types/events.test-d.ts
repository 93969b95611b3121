import type {
  CloseReason,
  CommandGroup,
  DeliverBy,
  Delivery,
  FlushSummary,
  Message,
  MessageData,
  MessageParameters,
  RecipientFailed,
  RecipientResult,
  RecipientSucceeded,
  RecipientUnknown,
  Reply,
  SessionEventName,
  SessionEvents,
  SmtpError,
  SmtpSession,
} from "smtp-pipelining";
import { describe, expectTypeOf, test } from "vitest";

declare const session: SmtpSession;
declare const result: RecipientResult;
const mail = { from: "a@example.org", to: "b@example.net", data: "x" };

describe("events", () => {
  test("have the payload of their name", () => {
    session.on("groupEnd", (event) => {
      expectTypeOf(event.group).toEqualTypeOf<CommandGroup>();
      expectTypeOf(event.sessionId).toEqualTypeOf<string>();
      expectTypeOf(event.time).toEqualTypeOf<number>();
    });
    session.once("messageEnd", ({ delivery }) => expectTypeOf(delivery).toEqualTypeOf<Delivery<unknown>>());
    session.on("recipientFailed", ({ reply, error, retryable }) => {
      expectTypeOf(reply).toEqualTypeOf<Reply | undefined>();
      expectTypeOf(error).toEqualTypeOf<SmtpError | undefined>();
      expectTypeOf(retryable).toEqualTypeOf<boolean>();
    });
    session.on("recipientSucceeded", ({ reply }) => expectTypeOf(reply).toEqualTypeOf<Reply>());
    session.addListener("close", ({ reason }) => expectTypeOf(reason).toEqualTypeOf<CloseReason>());
    session.off("error", ({ error }) => expectTypeOf(error).toEqualTypeOf<SmtpError>());
  });

  test("of another name do not compile", () => {
    // @ts-expect-error: no such event
    session.on("groupend", () => undefined);
    // @ts-expect-error: no such event
    session.once("messageSent", () => undefined);
    // @ts-expect-error: no such event
    session.off("data", () => undefined);
    // @ts-expect-error: no such event
    session.emit("group", { groupId: 1, sessionId: "", time: 0 });
  });

  test("with another payload do not compile", () => {
    // @ts-expect-error: groupStart has no group
    session.on("groupStart", ({ group }) => group);
    // @ts-expect-error: the payload is no string
    session.on("close", (reason: string) => reason);
    // @ts-expect-error: a listener gets one argument
    session.on("sent", (_event, _more) => undefined);
    // @ts-expect-error: groupId is a number
    session.emit("groupStart", { groupId: "1", sessionId: "", time: 0 });
    // @ts-expect-error: sessionId and time are missing
    session.emit("groupStart", { groupId: 1 });
    // @ts-expect-error: payloads are read-only
    session.on("groupEnd", ({ group }) => group.exchanges.push());
  });

  test("have names that can be enumerated", () => {
    expectTypeOf<SessionEventName>().toEqualTypeOf<keyof SessionEvents>();
    const listener = (_event: { readonly sessionId: string; readonly time: number }): void => undefined;
    for (const name of ["ready", "drain"] as const satisfies SessionEventName[]) session.on(name, listener);
  });
});

describe("a delivery", () => {
  test("has the tag that its message had", () => {
    expectTypeOf(session.pipeline({ ...mail, tag: { row: 5 } })).resolves.toEqualTypeOf<
      Delivery<{ row: number }>
    >();
    expectTypeOf<Delivery<Date>["tag"]>().toEqualTypeOf<Date | undefined>();
    expectTypeOf(session.deliver([{ ...mail, tag: 5 }])).toEqualTypeOf<
      AsyncGenerator<Delivery<number>, void, undefined>
    >();
    const source = (async function* (): AsyncGenerator<Message<URL>> {})();
    expectTypeOf(session.deliver(source)).toEqualTypeOf<AsyncGenerator<Delivery<URL>, void, undefined>>();
    expectTypeOf(session.pipeline(mail)).resolves.toExtend<Delivery>();
  });

  test("has results that narrow by their status", () => {
    if (result.status === "succeeded") {
      expectTypeOf(result).toEqualTypeOf<RecipientSucceeded>();
      expectTypeOf(result.reply).toEqualTypeOf<Reply>();
      expectTypeOf(result.stage).toEqualTypeOf<"message">();
      // @ts-expect-error: a success has no error
      result.error;
    } else if (result.status === "failed") {
      expectTypeOf(result).toEqualTypeOf<RecipientFailed>();
      expectTypeOf(result.reply).toEqualTypeOf<Reply | undefined>();
      expectTypeOf(result.retryable).toEqualTypeOf<boolean>();
    } else {
      expectTypeOf(result).toEqualTypeOf<RecipientUnknown>();
      expectTypeOf(result.error).toEqualTypeOf<SmtpError>();
      expectTypeOf(result.retryable).toEqualTypeOf<false>();
      // @ts-expect-error: no reply came
      result.reply;
    }
    // @ts-expect-error: not before it is narrowed
    result.reply;
  });

  test("has lists of their kind, which are read-only", () => {
    expectTypeOf<Delivery["succeeded"]>().toEqualTypeOf<readonly RecipientSucceeded[]>();
    expectTypeOf<Delivery["failed"]>().toEqualTypeOf<readonly RecipientFailed[]>();
    expectTypeOf<Delivery["unknown"]>().toEqualTypeOf<readonly RecipientUnknown[]>();
    expectTypeOf(session.flush()).resolves.toEqualTypeOf<FlushSummary>();
  });
});

describe("a message", () => {
  test("that lacks something, or has something of the wrong type, does not compile", () => {
    // @ts-expect-error: no data
    void session.pipeline({ from: "", to: "b@example.net" });
    // @ts-expect-error: no recipients
    void session.pipeline({ from: "", data: "x" });
    // @ts-expect-error: no such field
    void session.pipeline({ ...mail, html: "x" });
    // @ts-expect-error: data is no number
    void session.pipeline({ ...mail, data: 5 });
    // @ts-expect-error: no such body
    void session.pipeline({ ...mail, body: "8BIT" });
    // @ts-expect-error: messages, not one
    session.deliver({ ...mail });
  });

  test("has parameters of their types", () => {
    void session.pipeline({ ...mail, smtputf8: true, requireTls: true, mtPriority: -9, holdFor: 60 });
    void session.pipeline({ ...mail, deliverBy: { seconds: 60, mode: "R", trace: true } });
    expectTypeOf<Message["deliverBy"]>().toEqualTypeOf<DeliverBy | undefined>();
    expectTypeOf<Message["holdUntil"]>().toEqualTypeOf<Date | string | undefined>();
    expectTypeOf<Message>().toExtend<MessageParameters>();
    // @ts-expect-error: R or N
    void session.pipeline({ ...mail, deliverBy: { seconds: 60, mode: "X" } });
    // @ts-expect-error: and not without
    void session.pipeline({ ...mail, deliverBy: { seconds: 60 } });
    // @ts-expect-error: a number
    void session.pipeline({ ...mail, mtPriority: "high" });
    // @ts-expect-error: a date, not milliseconds
    void session.pipeline({ ...mail, holdUntil: 5 });
  });

  test("takes every kind of data", () => {
    expectTypeOf<string>().toExtend<MessageData>();
    expectTypeOf<Uint8Array>().toExtend<MessageData>();
    expectTypeOf<Buffer>().toExtend<MessageData>();
    expectTypeOf<NodeJS.ReadableStream>().toExtend<MessageData>();
    expectTypeOf<AsyncGenerator<string>>().toExtend<MessageData>();
    expectTypeOf<() => Promise<Buffer>>().toExtend<MessageData>();
    expectTypeOf<URL>().not.toExtend<MessageData>();
    expectTypeOf<null>().not.toExtend<MessageData>();
  });
});
