import type { SendMailOptions, Transporter } from "nodemailer";

/** What a script knows when everything has been sent. */
export interface Report {
  readonly milliseconds: number;
  /** The result of the first message, or its error, as nodemailer gives it. */
  readonly first: unknown;
  /** The error of the message that nobody gets. */
  readonly refused: unknown;
  readonly sent: number;
  readonly failed: number;
}

/** The messages: one in ten has an address that the server does not know, and the last nobody gets. */
function newsletter(count: number): SendMailOptions[] {
  return Array.from({ length: count }, (_, n) => {
    const known = `reader-${n}@example.net`;
    const to =
      n === count - 1 ? ["nobody@example.net"] : n % 10 === 3 ? [known, "nobody@example.net"] : [known];
    return {
      from: "news@example.org",
      to,
      subject: `Issue ${n}`,
      text: `Dear reader ${n},\n\nnothing is new.\n`,
    };
  });
}

/** A script as any user of nodemailer has it: it does not know which transport it has. */
export async function sendNewsletter(transporter: Transporter, count: number): Promise<Report> {
  const start = performance.now();
  const results = await Promise.allSettled(newsletter(count).map((mail) => transporter.sendMail(mail)));
  const milliseconds = performance.now() - start;
  transporter.close();
  const told = results.map(
    (result) => (result.status === "fulfilled" ? result.value : result.reason) as unknown,
  );
  const sent = results.filter(({ status }) => status === "fulfilled").length;
  return { milliseconds, first: told[0], refused: told.at(-1), sent, failed: count - sent };
}
