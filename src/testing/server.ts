import { type AddressInfo, createServer, type Socket } from "node:net";
import { createSecureContext, type SecureContext } from "node:tls";
import { TEST_CERTIFICATE, TEST_KEY } from "./certificate.ts";
import { checkKey, names, type TestCommand } from "./command.ts";
import { Conversation } from "./conversation.ts";
import { FaultPlan } from "./faults.ts";
import { readOptions, type Settings, type TestServerOptions } from "./options.ts";
import type { ReceivedMessage } from "./transaction.ts";
import { type TestConnection, Truth } from "./truth.ts";
import { Wire } from "./wire.ts";

/** A mail server for tests: see {@link createTestServer}. What it tells is the truth, whatever its clients believe. */
export interface TestServer extends AsyncDisposable {
  readonly host: string;
  /** 0 on a Unix socket. */
  readonly port: number;
  /** E.g. `"smtp://127.0.0.1:2525"`, `"smtps://…"`, `"lmtp://…"`; of a Unix socket `"lmtp+unix:///path"`. */
  readonly url: string;
  /** Its certificate as PEM text, to be trusted by a client: `tlsOptions: { ca: server.certificate }`. */
  readonly certificate: string;
  /** The messages that it accepted, in order. */
  readonly messages: readonly ReceivedMessage[];
  /** The commands that came, on all connections, in order; the greeting and the ends of texts among them. */
  readonly commands: readonly TestCommand[];
  /** The connections, in order. */
  readonly connections: readonly TestConnection[];
  /**
   * Waits for a command to come: `received("DATA")`, `received("RCPT TO:<bob@")`, or the nth such. Fulfils before it is
   * answered, at once if it has come. Rejects if the server is closed before, and with a TypeError for no command.
   */
  received(key: string, nth?: number): Promise<TestCommand>;
  /** Waits until so many messages were accepted. Fulfils with them; rejects if the server is closed before. */
  accepted(count: number): Promise<readonly ReceivedMessage[]>;
  /** Waits until no connection is open: then what it tells is final. */
  disconnected(): Promise<void>;
  /** Drops all connections. Fulfils when the port is free; rejects with what a function of `replies` threw. */
  close(): Promise<void>;
}

/**
 * Starts a mail server on this machine that accepts everything, but for what the options say: replies of your own, faults
 * at any command or octet, latency, TLS, accounts. `await using` closes it.
 *
 * @throws TypeError for an unfit option; Error if the port can't be had
 */
export async function createTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const settings = readOptions(options);
  const { host = "127.0.0.1", path, tlsOptions } = options;
  const truth = new Truth();
  const plan = new FaultPlan(options.faults ?? []);
  const sockets = new Set<Socket>();
  const failures: unknown[] = [];
  let context: SecureContext | undefined;
  const secureContext = (): SecureContext => {
    context ??= tlsOptions === undefined ? ownContext() : createSecureContext(tlsOptions);
    return context;
  };

  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const record = truth.connected();
    const wire = new Wire(socket, settings.latency, plan.behindOctets(record.number), record);
    sockets.add(socket);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    const conversation = new Conversation(wire, { settings, truth, plan }, record, secureContext)
      .run()
      .catch((error: unknown) => {
        failures.push(error);
        socket.destroy();
      });
    void Promise.all([conversation, closed]).then(() => {
      sockets.delete(socket);
      record.open = false;
      truth.happened();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    if (path === undefined) server.listen(options.port ?? 0, host, resolve);
    else server.listen(path, resolve);
  });
  const port = path === undefined ? (server.address() as AddressInfo).port : 0;

  const close = async (): Promise<void> => {
    truth.close();
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    if (failures.length > 0) throw failures[0];
  };

  return {
    host,
    port,
    url: urlOf(settings, host, port, path),
    certificate: TEST_CERTIFICATE,
    messages: truth.messages,
    commands: truth.commands,
    connections: truth.connections,
    async received(key, nth = 1) {
      checkKey(key, "received");
      const matching = (): TestCommand | undefined =>
        truth.commands.filter((command) => names(key, command))[nth - 1];
      return truth.until(matching, `${JSON.stringify(key)} number ${nth}`);
    },
    accepted: (count) =>
      truth.until(
        () => (truth.messages.length >= count ? truth.messages : undefined),
        `message number ${count}`,
      ),
    disconnected: async () => {
      await truth.until(
        () => truth.connections.every(({ open }) => !open) || undefined,
        "the end of all connections",
      );
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

let own: SecureContext | undefined;

/** Made once for all servers: it takes longer than most conversations. */
function ownContext(): SecureContext {
  own ??= createSecureContext({ cert: TEST_CERTIFICATE, key: TEST_KEY });
  return own;
}

function urlOf(
  { lmtp, tls }: Pick<Settings, "lmtp" | "tls">,
  host: string,
  port: number,
  path: string | undefined,
): string {
  const secure = tls === "implicit" ? "s" : "";
  const scheme = lmtp ? "lmtp" : `smtp${secure}`;
  if (path !== undefined) return `${scheme}+unix://${path.split("/").map(encodeURIComponent).join("/")}`;
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
