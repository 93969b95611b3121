/** The options that stand in a connection URL of nodemailer's: `smtps://user:pass@host:465/?pool=true&tls.servername=x`. */
export interface UrlOptions {
  readonly [name: string]: unknown;
}

/** @throws TypeError for what is no such URL; its text is not shown, it may hold a password */
export function fromConnectionUrl(text: string): UrlOptions {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^smtps?:$/.test(url.protocol) || url.hostname === "") {
    throw new TypeError('options.url must be a URL like "smtp://host:587" or "smtps://user:pass@host"');
  }
  const options: Record<string, unknown> = {
    secure: url.protocol === "smtps:",
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    ...(url.port !== "" && { port: Number(url.port) }),
    ...((url.username || url.password) && {
      auth: { user: decoded(url.username), pass: decoded(url.password) },
    }),
  };
  const tls: Record<string, unknown> = {};
  for (const [key, value] of url.searchParams) {
    const of = key.startsWith("tls.") ? tls : options;
    const name = of === tls ? key.slice(4) : key;
    if (name === "__proto__" || name.includes(".")) throw new TypeError(`options.url: ${key} is no option`);
    if (!Object.hasOwn(of, name)) of[name] = typed(value);
  }
  if (Object.keys(tls).length > 0) options["tls"] = tls;
  return options;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError("options.url: user and password are not percent-encoded as they should be");
  }
}

/** Everything in a URL is text: numbers and truth values are meant. */
function typed(value: string): unknown {
  if (value === "true" || value === "false") return value === "true";
  return value.trim() !== "" && !Number.isNaN(Number(value)) ? Number(value) : value;
}
