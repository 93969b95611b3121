import { type AddressInfo, createServer, type Socket } from "node:net";
import { type ClientView, ScriptedConnection } from "./connection.ts";
import { parseScript } from "./language.ts";

/** A server that says what scripts say, and checks what its client says: see {@link createScriptedServer}. */
export interface ScriptedServer extends AsyncDisposable {
  /** `"127.0.0.1"`. */
  readonly host: string;
  readonly port: number;
  /** `"smtp://127.0.0.1:…"`. */
  readonly url: string;
  /** The latest conversation as far as it has got, a line each: `C: "…"`, `S: "…"`, `-- …`. */
  readonly transcript: readonly string[];
  /**
   * Holds a conversation with the next client that connects. Call it before the client is started, wait for it after:
   * who connects where no conversation waits for him is hung up on.
   *
   * Fulfils at the end of the script, when the client has closed. Rejects with an Error that shows the transcript where
   * the client did something else than the script says, or if the server is closed before anybody connects; with an
   * Error at once for a line that is none of a script's.
   */
  play(script: string, client?: ClientView): Promise<void>;
  /** Hangs up on everybody. Fulfils when the port is free. */
  close(): Promise<void>;
}

/**
 * Starts a server on a free port of this machine that plays scripts: for conversations that must go in one certain way,
 * octet for octet. One step a line:
 *
 * ```text
 * S: 250 ok            the server sends the line; S lines that follow one another leave in one packet
 * S> 25                the server sends octets without a line end; <CR>, <LF>, <NUL> and <hex> stand for octets
 * C: DATA              the client must send this very line
 * C+ RSET              ... in the same write as what it sent before
 * C> half a li         the client must send these very octets, without a line end; written as behind S>
 * C* Text<CR><LF>      the client must send these octets in chunks of any size, BDAT before each and LAST with the last
 * -- close             the server closes its side (FIN)
 * -- reset             the server resets the connection
 * -- stop reading      the server takes no more octets from the network
 * -- text, not ended   what the client sends from here on is text, until it closes without having ended it
 * -- chunks, not ended the same in chunks, each answered 250
 * -- drip              the server sends a reply without an end, one octet at a time, until the client closes
 * -- pause             the client has read what was sent; what follows leaves in a packet of its own
 * -- client closes     the client closes and has sent nothing more; the end of a script says that too
 * -- anything else     an action, by its name: see {@link ClientView}
 * # a comment
 * ```
 *
 * Before it sends, and at its end, the server checks that the client sent nothing but what the script says.
 */
export async function createScriptedServer(): Promise<ScriptedServer> {
  const host = "127.0.0.1";
  const sockets = new Set<Socket>();
  let waiting: { accept(socket: Socket): void; fail(error: Error): void } | undefined;
  let transcript: readonly string[] = [];

  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    const { accept } = waiting ?? {};
    waiting = undefined;
    if (accept === undefined) socket.destroy();
    else accept(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;

  const play = async (script: string, client: ClientView = {}): Promise<void> => {
    const steps = parseScript(script);
    if (waiting !== undefined) throw new Error("Another conversation waits for a client");
    const socket = await new Promise<Socket>((accept, fail) => {
      waiting = { accept, fail };
    });
    const connection = new ScriptedConnection(socket, client);
    transcript = connection.transcript;
    await connection.run(steps).finally(() => socket.destroy());
  };

  const close = async (): Promise<void> => {
    waiting?.fail(new Error("The server was closed before a client connected"));
    waiting = undefined;
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };

  return {
    host,
    port,
    url: `smtp://${host}:${port}`,
    get transcript() {
      return transcript;
    },
    play,
    close,
    [Symbol.asyncDispose]: close,
  };
}
