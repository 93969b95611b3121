import type { TestCommand } from "./command.ts";
import type { ReceivedMessage } from "./transaction.ts";

/** One connection to a test server. */
export interface TestConnection {
  /** From 1, in the order in which they came. */
  readonly number: number;
  /** Whether it still stands. */
  readonly open: boolean;
  /** Whether TLS protects it. */
  readonly secure: boolean;
  /** Who has authenticated. */
  readonly user: string | undefined;
  /** Octets that came from the client over the network, under TLS its records. */
  readonly octetsReceived: number;
  /** Octets that went to the client. */
  readonly octetsSent: number;
  /** What was said, a line each: `"C: RSET"`, `"C: (403 octets of text)"`, `"S: 250 ok"`, `"-- cut (rst)"`. */
  readonly transcript: readonly string[];
}

/** What a server knows of a connection. */
export interface ConnectionRecord extends TestConnection {
  open: boolean;
  secure: boolean;
  user: string | undefined;
  octetsReceived: number;
  octetsSent: number;
  readonly transcript: string[];
}

interface Waiting {
  readonly look: () => boolean;
  readonly fail: (error: Error) => void;
}

/** What really happened on a server, and who waits for something to happen. */
export class Truth {
  readonly commands: TestCommand[] = [];
  readonly messages: ReceivedMessage[] = [];
  readonly connections: ConnectionRecord[] = [];
  readonly #seen = new Map<string, number>();
  #waiting: Waiting[] = [];

  connected(): ConnectionRecord {
    const number = this.connections.length + 1;
    const record = {
      number,
      open: true,
      secure: false,
      user: undefined,
      octetsReceived: 0,
      octetsSent: 0,
      transcript: [],
    };
    this.connections.push(record);
    return record;
  }

  command(what: Omit<TestCommand, "nth">): TestCommand {
    const nth = (this.#seen.get(what.verb) ?? 0) + 1;
    this.#seen.set(what.verb, nth);
    const command = { ...what, nth };
    this.commands.push(command);
    this.happened();
    return command;
  }

  accepted(message: ReceivedMessage): void {
    this.messages.push(message);
    this.happened();
  }

  /** Something has changed: who waits looks again. */
  happened(): void {
    this.#waiting = this.#waiting.filter(({ look }) => !look());
  }

  /** Fulfils with what is looked for, once it is there. */
  until<T>(find: () => T | undefined, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): boolean => {
        const found = find();
        if (found === undefined) return false;
        resolve(found);
        return true;
      };
      const fail = (): void => reject(new Error(`The server was closed and ${what} had not come`));
      if (!look()) this.#waiting.push({ look, fail });
    });
  }

  /** Nothing will happen any more. */
  close(): void {
    for (const { fail } of this.#waiting) fail(new Error());
    this.#waiting = [];
  }
}
