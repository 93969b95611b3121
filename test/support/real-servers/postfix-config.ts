import { CERTIFICATE_FILE, KEY_FILE } from "../certificate.ts";
import { MAILBOX_OWNER } from "./maildir.ts";

/** What the files of an instance are made of. */
export interface PostfixConfig {
  /** The instance's own directory. */
  readonly root: string;
  readonly ports: { readonly plain: number; readonly starttls: number; readonly tls: number };
  readonly domain: string;
  /** The local parts that have a mailbox. */
  readonly mailboxes: readonly string[];
  /** Socket of Dovecot's authentication service. */
  readonly authSocket: string | undefined;
  readonly settings: Readonly<Record<string, string>>;
}

export function mainCf({ root, domain, authSocket, settings }: PostfixConfig): string {
  return lines({
    compatibility_level: "3.6",
    queue_directory: `${root}/queue`,
    data_directory: `${root}/data`,
    myhostname: "mail.example.org",
    inet_interfaces: "127.0.0.1",
    inet_protocols: "ipv4",
    // Nothing leaves this machine, and no text is touched.
    mydestination: "",
    default_transport: "discard",
    relay_transport: "discard",
    local_header_rewrite_clients: "",
    alias_maps: "",
    notify_classes: "",
    virtual_mailbox_domains: domain,
    virtual_mailbox_base: `${root}/mail`,
    virtual_mailbox_maps: `texthash:${root}/mailboxes`,
    virtual_uid_maps: `static:${MAILBOX_OWNER}`,
    virtual_gid_maps: `static:${MAILBOX_OWNER}`,
    smtpd_relay_restrictions: "permit_sasl_authenticated, reject_unauth_destination",
    // Refusals are what is tested: no pause after the tenth, no hanging up after the twentieth.
    smtpd_error_sleep_time: "0",
    smtpd_soft_error_limit: "100000",
    smtpd_hard_error_limit: "100000",
    smtpd_junk_command_limit: "100000",
    // It waits for a second where mail comes faster than it is delivered.
    in_flow_delay: "0",
    smtpd_tls_cert_file: CERTIFICATE_FILE,
    smtpd_tls_key_file: KEY_FILE,
    smtpd_tls_auth_only: "yes",
    smtpd_sasl_type: "dovecot",
    ...(authSocket === undefined ? {} : { smtpd_sasl_path: authSocket }),
    smtpd_sasl_security_options: "noanonymous",
    ...settings,
  });
}

/** What a service has otherwise than main.cf: master.cf knows no spaces in it. */
const OVERRIDE = "\n  -o ";
const DEMAND_AUTH = "smtpd_client_restrictions=permit_sasl_authenticated,reject";

/** The services, none of them in a chroot. */
export function masterCf({ ports, authSocket }: PostfixConfig): string {
  const authentication =
    authSocket === undefined ? "" : `${OVERRIDE}smtpd_sasl_auth_enable=yes${OVERRIDE}${DEMAND_AUTH}`;
  return `127.0.0.1:${ports.plain} inet n - n - - smtpd${OVERRIDE}smtpd_authorized_xclient_hosts=127.0.0.0/8
127.0.0.1:${ports.starttls} inet n - n - - smtpd${OVERRIDE}smtpd_tls_security_level=may${authentication}
127.0.0.1:${ports.tls} inet n - n - - smtpd${OVERRIDE}smtpd_tls_wrappermode=yes${authentication}
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`;
}

export function mailboxesFile({ domain, mailboxes }: PostfixConfig): string {
  // The slash at the end makes a Maildir.
  return mailboxes.map((name) => `${name}@${domain} ${name}/\n`).join("");
}

function lines(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join("");
}
