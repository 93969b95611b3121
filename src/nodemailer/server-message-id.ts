// Some servers give a message another Message-ID than it came with, and say which in the answer to its text. Nodemailer
// reads it where the answer is of a kind that is known for that.

// Microsoft 365 and Outlook.com.
const OUTLOOK = /^250 2\.0\.0 OK (<[^<>\s]+\.prod\.outlook\.com>)/i;
// Amazon SES: the local part of the Message-ID.
const SES = /^250 Ok ([\da-f]+(?:-[\da-f]+)+)$/i;
const AWS_REGION = /^[a-z]{2}(?:-[a-z]+)+-\d+$/;
const AWS_DOMAIN = /\.(?:amazonaws|awsapps)\.com\.?$/i;

/**
 * The Message-ID that a server gave a message; undefined where its answer names none.
 * @param response the answer to the text, with its code
 * @param host the server's name
 */
export function serverMessageId(response: string, host: string): string | undefined {
  const outlook = OUTLOOK.exec(response)?.[1];
  if (outlook !== undefined) return outlook;
  const ses = SES.exec(response)?.[1];
  if (ses === undefined || !AWS_DOMAIN.test(host)) return undefined;
  const region = host
    .toLowerCase()
    .split(".")
    .find((label) => AWS_REGION.test(label));
  if (region === undefined) return undefined;
  return `<${ses.toLowerCase()}@${region === "us-east-1" ? "email" : region}.amazonses.com>`;
}
