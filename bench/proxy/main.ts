import { answers } from "../process.ts";
import { openProxy, type Passed } from "./proxy.ts";

// The proxy in a process of its own: every run has a port of its own.

/** What the proxy's process can be asked. */
export interface ProxyQuestions {
  /** Opens a port that leads to another one on this machine, so many milliseconds there and back. */
  open(target: number, roundTrip: number): Promise<number>;
  /** Closes it. @returns what passed there */
  close(port: number): Passed;
}

const proxies = new Map<number, () => Passed>();

answers<ProxyQuestions>({
  open: async (target, roundTrip) => {
    const { port, close } = await openProxy(target, roundTrip);
    proxies.set(port, close);
    return port;
  },
  close: (port) => {
    const passed = proxies.get(port)?.();
    proxies.delete(port);
    if (passed === undefined) throw new Error(`No proxy is open at port ${port}`);
    return passed;
  },
});
