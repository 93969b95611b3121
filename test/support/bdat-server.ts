import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";
import { onTestFinished } from "vitest";
import { type ChunkingScript, SOUND_CHUNKING } from "./model-chunks.ts";
import { ModelServer, type ServerScript } from "./model-server.ts";
import { SOUND } from "./scripts.ts";

/** A text that a server took. */
export interface Delivered {
  readonly from: string;
  readonly to: readonly string[];
  /** One character per octet. */
  readonly text: string;
}

/** A model server on a real socket. What it knows is of all its connections, in order. */
export interface BdatServer {
  readonly port: number;
  readonly connections: number;
  readonly delivered: readonly Delivered[];
  /** The command lines that it ran. */
  readonly commands: readonly string[];
  /** Lines of texts that it ran as commands; what the discard probe wrote is not counted. */
  readonly leaked: readonly string[];
}

export interface BdatServerOptions extends Partial<Omit<ServerScript, "chunking">> {
  /** What is not sound about its CHUNKING; `"off"`: it does not offer it. */
  readonly chunking?: Partial<ChunkingScript> | "off";
  /** Drops its first connection when it has read so many octets. */
  readonly cutBehind?: number;
}

/** Starts a server for one test: sound, with CHUNKING and PIPELINING, but for what is said here. */
export async function startBdatServer(options: BdatServerOptions = {}): Promise<BdatServer> {
  const { chunking, cutBehind, ...others } = options;
  const script: ServerScript = {
    ...SOUND,
    ...others,
    ...(chunking !== "off" && { chunking: { ...SOUND_CHUNKING, ...chunking } }),
  };
  const models: ModelServer[] = [];
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const model = new ModelServer(script);
    sockets.push(socket);
    serve(socket, model, models.push(model) === 1 ? cutBehind : undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return models.length;
    },
    get delivered() {
      return models.flatMap(({ accepted }) =>
        accepted.map(({ sender, recipients, text }) => ({ from: sender, to: recipients, text })),
      );
    },
    get commands() {
      return models.flatMap(({ commands }) => commands);
    },
    get leaked() {
      return models.flatMap(({ leaked }) => leaked).filter((line) => line !== "XPRB");
    },
  };
}

function serve(socket: Socket, model: ModelServer, cutBehind = Number.POSITIVE_INFINITY): void {
  let timer: NodeJS.Timeout | undefined;
  let left = cutBehind;
  const turn = (): void => {
    clearTimeout(timer);
    const said = model.take();
    if (said !== "" && !socket.writableEnded) socket.write(said, "latin1");
    if (model.closed && !socket.writableEnded) socket.end();
    const { busyUntil } = model;
    if (busyUntil === undefined) return;
    const wait = Math.max(busyUntil - performance.now(), 0);
    timer = setTimeout(() => {
      model.run(performance.now());
      turn();
    }, wait);
  };
  const leave = (): void => {
    model.leave();
    turn();
  };
  socket.setNoDelay(true);
  socket.on("error", leave).on("end", leave);
  socket.on("close", () => clearTimeout(timer));
  socket.on("data", (octets) => {
    const heard = octets.subarray(0, left);
    left -= heard.length;
    model.receive(heard.toString("latin1"), performance.now());
    turn();
    if (left > 0) return;
    model.leave();
    socket.resetAndDestroy();
  });
  model.run(performance.now());
  turn();
}
