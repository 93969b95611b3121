import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A stretch of wire: what goes in comes out later, in order. */
class DelayLine {
  readonly #delay: number;
  readonly #line: { readonly due: number; readonly out: () => void }[] = [];

  constructor(delay: number) {
    this.#delay = delay;
  }

  put(out: () => void): void {
    this.#line.push({ due: performance.now() + this.#delay, out });
    if (this.#line.length === 1) this.#wait(this.#delay);
  }

  #wait(delay: number): void {
    setTimeout(() => {
      for (
        let head = this.#line[0];
        head !== undefined && head.due <= performance.now();
        head = this.#line[0]
      ) {
        this.#line.shift();
        head.out();
      }
      const next = this.#line[0];
      if (next !== undefined) this.#wait(Math.max(0, next.due - performance.now()));
    }, delay);
  }
}

/** Lets octets and the end of one side reach the other after a delay. */
function relay(from: Socket, to: Socket, delay: number): void {
  const line = new DelayLine(delay);
  from.on("data", (octets) => {
    line.put(() => {
      // No more than the other side takes: a wire holds no arbitrary amount.
      if (!to.destroyed && !to.write(octets)) from.pause();
    });
  });
  to.on("drain", () => from.resume());
  from.on("end", () => line.put(() => to.end()));
  from.on("error", () => to.destroy());
  from.on("close", () => line.put(() => to.destroy()));
}

export interface LatencyProxy {
  readonly host: string;
  readonly port: number;
  /** Fulfils when the last connection has ended. */
  close(): Promise<void>;
}

/** A TCP proxy that puts a server at a distance. @param oneWay milliseconds in each direction */
export async function startLatencyProxy(
  target: { readonly host: string; readonly port: number },
  oneWay: number,
): Promise<LatencyProxy> {
  const proxy = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ host: target.host, port: target.port, allowHalfOpen: true, noDelay: true });
    relay(near, far, oneWay);
    relay(far, near, oneWay);
  });
  const host = "127.0.0.1";
  await new Promise<void>((resolve, reject) => {
    proxy.once("error", reject);
    proxy.listen(0, host, resolve);
  });
  const { port } = proxy.address() as AddressInfo;
  return { host, port, close: () => new Promise((resolve) => proxy.close(() => resolve())) };
}
