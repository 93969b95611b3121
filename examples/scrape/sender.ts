import * as prometheus from "prom-client";
import { SmtpSession } from "smtp-pipelining";
import { attachMetrics } from "smtp-pipelining/metrics";
import type { Client, Mail } from "./mail-mix.ts";
import type { Tally } from "./tally.ts";

interface Address {
  readonly host: string;
  readonly port: number;
}

/** TCPMUX, RFC 1078: assigned, and used by nobody. A connection to it is refused. */
const NOBODY_LISTENS: Address = { host: "127.0.0.1", port: 1 };

/** Sends mail, each client's through a session of its own; one that has ended is replaced. */
export class Sender {
  readonly #server: Address;
  readonly #register: prometheus.Registry;
  readonly #tally: Tally;
  readonly #sessions = new Map<Client, SmtpSession>();
  readonly #unsettled = new Set<Promise<void>>();

  constructor(server: Address, register: prometheus.Registry, tally: Tally) {
    this.#server = server;
    this.#register = register;
    this.#tally = tally;
  }

  /** Fulfils when there is room for a message, which is then on its way. */
  async send({ client, message, nobodyListens }: Mail): Promise<void> {
    if (!nobodyListens) await this.#sessions.get(client)?.ready();
    const session = nobodyListens ? this.#newSession(client, NOBODY_LISTENS) : this.#live(client);
    const settled = session.pipeline(message).then((delivery) => this.#tally.add(client, delivery));
    this.#unsettled.add(settled);
    void settled.finally(() => this.#unsettled.delete(settled));
  }

  /** Fulfils when everything that was sent has its fate and all connections are closed. */
  async quit(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map((session) => session.quit()));
    await Promise.all(this.#unsettled);
  }

  #live(client: Client): SmtpSession {
    const session = this.#sessions.get(client);
    if (session?.state === "idle" || session?.state === "connecting" || session?.state === "ready") {
      return session;
    }
    const next = this.#newSession(client, this.#server);
    this.#sessions.set(client, next);
    return next;
  }

  #newSession(client: Client, { host, port }: Address): SmtpSession {
    const session = new SmtpSession({ host, port, name: "client.example.org" });
    attachMetrics(session, { prometheus, register: this.#register, client });
    return session;
  }
}
