const LINE = `${"All work and no play makes Jack a dull boy. ".repeat(2).trim()}\r\n`;

/** Makes texts of a size: each a message of its own, for servers that throw away what they had before. */
export function texts(size: number, from: string, to: readonly string[]): () => Uint8Array {
  const run = crypto.randomUUID();
  const body = Buffer.from(LINE.repeat(Math.ceil(size / LINE.length) + 1));
  let n = 0;
  return () => {
    const head = Buffer.from(
      `From: <${from}>\r\nTo: ${to.map((address) => `<${address}>`).join(",\r\n ")}\r\n` +
        `Subject: smtp-pipelining bench\r\nDate: ${new Date().toUTCString().replace("GMT", "+0000")}\r\n` +
        `Message-ID: <${n++}.${run}@smtp-pipelining.invalid>\r\n\r\n`,
    );
    const rest = Math.max(size - head.length, 2);
    return Buffer.concat([head, body.subarray(0, rest - 2), Buffer.from("\r\n")]);
  };
}
