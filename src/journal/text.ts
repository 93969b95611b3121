import { SmtpError } from "../protocol/errors.ts";
import { TIMEOUTS } from "../protocol/limits.ts";
import type { MessageData } from "../session/message.ts";
import { inMemory, sourceFailed, TextSource } from "../session/source.ts";

/** Octets of a text that a journal keeps at most: it is in memory as a whole. */
const MOST = 64 * 1_048_576;

/** Reads a text to its end. @throws SmtpError `ESMTP_SOURCE_FAILED`, `ESMTP_SOURCE_TIMEOUT`, `ESMTP_SIZE_EXCEEDED` */
export async function readText(data: MessageData): Promise<Uint8Array> {
  const whole = inMemory(data);
  if (whole !== undefined) return within(whole, whole.length);
  let failure: SmtpError | undefined;
  const source = new TextSource(data, TIMEOUTS.text, (error) => {
    failure = error;
  });
  try {
    if (source.problem !== undefined) throw source.problem;
    await source.prepare();
    const blocks: Uint8Array[] = [];
    let octets = 0;
    for (let block = await source.next(); block !== undefined; block = await source.next()) {
      octets += block.length;
      blocks.push(within(block, octets));
    }
    if (failure !== undefined) throw failure;
    return Buffer.concat(blocks);
  } catch (error) {
    throw sourceFailed(error);
  } finally {
    source.close();
  }
}

function within(block: Uint8Array, octets: number): Uint8Array {
  if (octets <= MOST) return block;
  const message = `A journal keeps texts of up to ${MOST} octets: send larger ones with resume(), which keeps no text`;
  throw new SmtpError("ESMTP_SIZE_EXCEEDED", message);
}
