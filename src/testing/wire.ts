import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Fault } from "./faults.ts";
import type { ConnectionRecord } from "./truth.ts";

/** Where a wire counts what passes. */
type OctetRecord = Pick<ConnectionRecord, "octetsReceived" | "octetsSent">;

/** The way between client and server: as long as it is told, and cut where it is told. TLS is spoken over it. */
export class Wire extends Duplex {
  readonly #socket: Socket;
  readonly #latency: number;
  readonly #faults: Fault[];
  readonly #record: OctetRecord;
  #deaf = false;
  /** Nothing comes any more. */
  #ended = false;
  /** Nothing passes any more, in neither direction. */
  #severed = false;
  #cut: (how: "fin" | "rst") => void = () => undefined;

  /** @param latency milliseconds, each way */
  constructor(socket: Socket, latency: number, faults: readonly Fault[], record: OctetRecord) {
    // It outlives its two ends: what is on its way still arrives.
    super({ allowHalfOpen: true, autoDestroy: false });
    this.#socket = socket;
    this.#latency = latency;
    this.#faults = [...faults];
    this.#record = record;
    socket.setNoDelay(true);
    socket.on("data", (octets: Buffer) => this.#later(() => this.#arrive(octets)));
    socket.on("end", () => this.#later(() => this.#noMore()));
    // A client that resets the connection is gone: what it had sent has been read.
    socket.on("error", () => socket.destroy());
    socket.on("close", () =>
      this.#later(() => {
        this.#severed = true;
        this.#noMore();
      }),
    );
  }

  /** Calls this where a fault cuts the connection. */
  onCut(tell: (how: "fin" | "rst") => void): void {
    this.#cut = tell;
  }

  /** Ends the connection. What was sent before arrives, and nothing after it. */
  cut(how: "fin" | "rst"): void {
    if (this.#severed) return;
    this.#cut(how);
    this.#severed = true;
    this.#noMore();
    this.#later(() => {
      if (how === "fin") this.#socket.end();
      else if (this.#socket.remoteAddress === undefined) this.#socket.destroy();
      else this.#socket.resetAndDestroy();
    });
    this.#socket.resume();
  }

  /** Takes no more from the network: for so many milliseconds, or for good. */
  stopReading(ms: number | undefined): void {
    this.#deaf = true;
    this.#socket.pause();
    if (ms === undefined) return;
    setTimeout(() => {
      this.#deaf = false;
      this.#socket.resume();
    }, ms).unref();
  }

  override _read(): void {
    if (!this.#deaf) this.#socket.resume();
  }

  override _write(octets: Buffer, _: BufferEncoding, done: () => void): void {
    this.#send(octets);
    done();
  }

  override _final(done: () => void): void {
    if (!this.#severed) this.#later(() => this.#socket.end());
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#severed = true;
    this.#socket.destroy();
    done(error);
  }

  #later(act: () => void): void {
    if (this.#latency === 0) act();
    else setTimeout(act, this.#latency);
  }

  #arrive(octets: Buffer): void {
    if (this.#ended) return;
    const fault = this.#due("afterReceived", this.#record.octetsReceived + octets.length);
    const room = fault === undefined ? octets.length : fault.octets - this.#record.octetsReceived;
    const heard = octets.subarray(0, room);
    this.#record.octetsReceived += heard.length;
    if (heard.length > 0 && !this.push(heard)) this.#socket.pause();
    if (fault === undefined) return;
    this.#happen(fault.fault);
    this.#arrive(octets.subarray(room));
  }

  #send(octets: Buffer): void {
    if (this.#severed) return;
    const fault = this.#due("afterSent", this.#record.octetsSent + octets.length);
    const room = fault === undefined ? octets.length : fault.octets - this.#record.octetsSent;
    const said = octets.subarray(0, room);
    this.#record.octetsSent += said.length;
    if (said.length > 0) this.#later(() => this.#socket.write(said));
    if (fault === undefined) return;
    this.#happen(fault.fault);
    this.#send(octets.subarray(room));
  }

  /** The first fault in one direction that is due by so many octets. */
  #due(
    direction: "afterReceived" | "afterSent",
    by: number,
  ): { readonly fault: Fault; readonly octets: number } | undefined {
    let first: { fault: Fault; octets: number } | undefined;
    for (const fault of this.#faults) {
      const { [direction]: octets = Number.POSITIVE_INFINITY } = fault.place as Record<string, number>;
      if (octets <= by && octets < (first?.octets ?? Number.POSITIVE_INFINITY)) first = { fault, octets };
    }
    return first;
  }

  #happen(fault: Fault): void {
    this.#faults.splice(this.#faults.indexOf(fault), 1);
    if (fault.kind === "stopReading") this.stopReading(fault.ms);
    if (fault.kind !== "cut") return;
    // FIN behind an octet that came: the server answers what it has, then ends.
    if (fault.how === "fin" && "afterReceived" in fault.place) {
      this.#cut("fin");
      this.#noMore();
      this.#socket.resume();
    } else this.cut(fault.how);
  }

  #noMore(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.push(null);
  }
}
