import nodemailer, { type SentMessageInfo as AnySentMessageInfo, type Transporter } from "nodemailer";
import {
  type NodemailerError,
  type PipeliningTransport,
  type PipeliningTransportOptions,
  pipeliningTransport,
  type SentMessageInfo,
} from "smtp-pipelining/nodemailer";
import type { SmtpPool } from "smtp-pipelining/pool";
import { expectTypeOf, test } from "vitest";

const mail = { from: "a@example.org", to: "b@example.net", text: "x" };

test("nodemailer takes the transport, and its results are of the transport's type", () => {
  const transporter = nodemailer.createTransport(pipeliningTransport({ host: "mail.example.org" }));
  expectTypeOf(transporter.sendMail(mail)).resolves.toEqualTypeOf<SentMessageInfo>();
  transporter.sendMail(mail, (error, { accepted, rejectedErrors, unknown }) => {
    expectTypeOf(error).toExtend<Error | null>();
    expectTypeOf(accepted).toEqualTypeOf<string[]>();
    expectTypeOf(rejectedErrors).toEqualTypeOf<NodemailerError[] | undefined>();
    expectTypeOf(unknown).toEqualTypeOf<string[] | undefined>();
  });
  expectTypeOf(transporter.verify()).toEqualTypeOf<Promise<true>>();
  expectTypeOf(transporter.isIdle()).toEqualTypeOf<boolean>();
});

test("it takes the place of another transport where its type is written down", () => {
  const transporter: Transporter = nodemailer.createTransport(pipeliningTransport("smtp://mail.example.org"));
  expectTypeOf(transporter.sendMail(mail)).resolves.toEqualTypeOf<AnySentMessageInfo>();
  const ours: Transporter<SentMessageInfo> = nodemailer.createTransport(pipeliningTransport({}));
  ours.use("compile", (_mail, callback) => callback());
});

test("options are nodemailer's and a pool's", () => {
  expectTypeOf<{
    host: string;
    port: number;
    secure: boolean;
    auth: { user: string; pass: string };
    tls: { rejectUnauthorized: boolean };
    maxConnections: number;
    pool: true;
  }>().toExtend<PipeliningTransportOptions>();
  expectTypeOf<{
    relays: string[];
    chunking: "off";
    window: { messages: number };
  }>().toExtend<PipeliningTransportOptions>();
  // @ts-expect-error: no such option
  pipeliningTransport({ hostname: "mail.example.org" });
  // @ts-expect-error: nodemailer's own, for its second argument
  pipeliningTransport({ dkim: {} });
});

test("the transport tells more than nodemailer asks for", () => {
  const transport = pipeliningTransport({});
  expectTypeOf(transport).toEqualTypeOf<PipeliningTransport>();
  expectTypeOf(transport.pool).toEqualTypeOf<SmtpPool>();
  expectTypeOf(transport.close({ force: true })).toEqualTypeOf<Promise<void>>();
  transport.on("idle", () => undefined);
  // @ts-expect-error: no such event
  transport.on("token", () => undefined);
});

test("an error says whether the message may be sent again", () => {
  expectTypeOf<NodemailerError["fate"]>().toEqualTypeOf<"failed" | "unknown" | undefined>();
  expectTypeOf<NodemailerError["retryable"]>().toEqualTypeOf<boolean>();
});
