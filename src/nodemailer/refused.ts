const DEFAULTS = "is nodemailer's own, and would not be read here: put it into the second argument of";
const OTHER = "chooses another transport of nodemailer's: leave it out";

/**
 * The options of nodemailer's SMTP transports that mean nothing here, or not the same, and what to write instead: none is
 * silently ignored.
 */
const INSTEAD: Readonly<Record<string, string>> = {
  // How the connection is made.
  service:
    "is not read: write host, port and secure; nodemailer/lib/well-known has them by the service's name",
  direct: "is not supported: write the host of a relay",
  socket: "is not read: write connectSocket: () => socket",
  connection: "is not read: write connectSocket: () => connection",
  secured: "is not read: a connection is put under TLS here, or is not (tls)",
  proxy: "is not read: write transporter.setupProxy(url), or connectSocket",
  allowInternalNetworkInterfaces: "is not needed: the system looks names up",
  dnsTimeout: "is not read: connectionTimeout is for the look-up and the connection together",
  dnsTtl: "is not read: the system looks names up, and keeps what it found",
  socketCloseTimeout: "is not read: write timeouts: { closing: … }, in milliseconds",
  maxResponseSize: "is not read: write limits: { replyLine: octets, replyLines: lines }",
  // Who authenticates.
  forceAuth: "is not read: with auth, a server that offers no AUTH fails the message",
  customAuth: "is not supported: the mechanisms are those of auth.mechanisms",
  // The message.
  dkim: `${DEFAULTS} createTransport(), or into the message`,
  disableFileAccess: `${DEFAULTS} createTransport()`,
  disableUrlAccess: `${DEFAULTS} createTransport()`,
  normalizeHeaderKey: `${DEFAULTS} createTransport()`,
  maxRecipients: `${DEFAULTS} createTransport()`,
  attachDataUrls: `${DEFAULTS} createTransport()`,
  // Other transports.
  sendmail: OTHER,
  SES: OTHER,
  streamTransport: OTHER,
  jsonTransport: OTHER,
};

/** @throws TypeError for an option of nodemailer's that is not supported: it says what to write instead */
export function refuseForeign(options: Readonly<Record<string, unknown>>): void {
  for (const name of Object.keys(options)) {
    if (options[name] === undefined || options[name] === false || !Object.hasOwn(INSTEAD, name)) continue;
    throw new TypeError(`options.${name} ${INSTEAD[name]}`);
  }
}
