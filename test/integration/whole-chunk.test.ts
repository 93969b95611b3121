import { Duplex } from "node:stream";
import { BoundedPeerMemory, SmtpSession } from "smtp-pipelining";
import { expect, test } from "vitest";

/** A server that answers the last octet of a BDAT at once, long before it says that it has taken the write. */
class HastyPeer extends Duplex {
  #left = 0;
  #lines = "";

  constructor() {
    super({ decodeStrings: true });
    this.push("220 peer\r\n");
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    let octets = chunk.toString("latin1");
    while (octets !== "") {
      const taken = Math.min(this.#left, octets.length);
      this.#left -= taken;
      octets = octets.slice(taken);
      if (taken > 0 && this.#left === 0) this.push("250 taken\r\n");
      if (this.#left > 0) break;
      const end = octets.indexOf("\r\n");
      if (end === -1) {
        this.#lines += octets;
        break;
      }
      this.#answer(this.#lines + octets.slice(0, end));
      this.#lines = "";
      octets = octets.slice(end + 2);
    }
    let turns = 20;
    const later = (): void => void setImmediate(() => (turns-- > 0 ? later() : callback()));
    later();
  }

  override _final(callback: () => void): void {
    this.push(null);
    callback();
  }

  #answer(line: string): void {
    const size = /^BDAT (\d+) LAST$/.exec(line)?.[1];
    if (size !== undefined) this.#left = Number(size);
    else if (line.startsWith("EHLO")) this.push("250-peer\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
    else this.push(`250 ${line.slice(0, 4)}\r\n`);
  }
}

test.each([1, 65_534, 65_535, 65_536, 65_537, 131_072, 196_608, 1_048_576, 2_097_152])(
  "a text of %i octets in one chunk is answered when its last octet is out: it has succeeded",
  async (size) => {
    const peer = new HastyPeer();
    const session = new SmtpSession({
      connectSocket: () => peer,
      chunking: "strict",
      name: "client.example",
      peers: new BoundedPeerMemory(),
      tls: "off",
    });
    const data = Buffer.alloc(size, "x");
    data.write("\r\n", Math.max(0, size - 2));
    const message = { from: "a@example.org", to: "b@example.net", data };
    const deliveries = await Promise.all([session.pipeline(message), session.pipeline(message)]);
    expect(deliveries.map(({ ok }) => ok)).toEqual([true, true]);
    await session.quit();
  },
);
