// OpenTelemetry is an optional peer: where it is missing nothing is carried.

type Api = typeof import("@opentelemetry/api");

let loading: Promise<void> | undefined;
let api: Api | undefined;

/** Makes OpenTelemetry's API known, if it is installed: call it before the functions below. */
export function loadOpenTelemetry(): Promise<void> {
  loading ??= import("@opentelemetry/api").then(
    (loaded) => {
      api = loaded;
    },
    (cause: { readonly code?: unknown }) => {
      if (cause?.code !== "ERR_MODULE_NOT_FOUND") throw cause;
    },
  );
  return loading;
}

/** The context of the trace that the caller is in, as headers; undefined outside of any. */
export function traceHeaders(): Record<string, string> | undefined {
  if (api === undefined) return undefined;
  const headers: Record<string, string> = {};
  api.propagation.inject(api.context.active(), headers);
  return Object.keys(headers).length > 0 ? headers : undefined;
}

/** Calls a function in the context that such headers tell of. */
export function inTrace<T>(headers: Readonly<Record<string, string>> | undefined, call: () => T): T {
  if (api === undefined || headers === undefined) return call();
  return api.context.with(api.propagation.extract(api.ROOT_CONTEXT, headers), call);
}
