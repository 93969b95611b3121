import { CERTIFICATE_FILE, KEY_FILE } from "../certificate.ts";
import { MAILBOX_OWNER } from "./maildir.ts";

/** What the configuration of an instance is made of. */
export interface EximConfig {
  /** The instance's own directory. */
  readonly root: string;
  readonly ports: { readonly plain: number; readonly starttls: number; readonly tls: number };
  /** The local parts that have a mailbox at example.net. */
  readonly mailboxes: readonly string[];
  /** Who may authenticate, under TLS. */
  readonly user: { readonly name: string; readonly password: string };
  /** Settings of the main section on top of the tests' own. */
  readonly settings: Readonly<Record<string, string>>;
}

export function eximConf({ root, ports, mailboxes, user, settings }: EximConfig): string {
  const main = {
    primary_hostname: "mail.example.org",
    spool_directory: `${root}/spool`,
    log_file_path: `${root}/spool/%slog`,
    pid_file_path: `${root}/spool/exim.pid`,
    keep_environment: "",
    local_interfaces: "127.0.0.1",
    daemon_smtp_ports: `${ports.plain} : ${ports.starttls} : ${ports.tls}`,
    tls_on_connect_ports: `${ports.tls}`,
    tls_certificate: CERTIFICATE_FILE,
    tls_privatekey: KEY_FILE,
    tls_advertise_hosts: `\${if eq{$received_port}{${ports.plain}}{}{*}}`,
    chunking_advertise_hosts: "*",
    pipelining_connect_advertise_hosts: "*",
    // The tests' certificate is not asked for by name, nor anybody by DNS.
    host_lookup: "",
    rfc1413_hosts: "",
    helo_allow_chars: "_",
    // No text is touched, and nothing leaves this machine.
    received_header_text: "",
    smtp_accept_max: "50",
    // A message is delivered when the queue is run.
    queue_only: "true",
    acl_smtp_rcpt: "check_rcpt",
    acl_smtp_data: "check_data",
    // Refusals are what is tested.
    smtp_accept_max_per_connection: "100000",
    smtp_accept_max_nonmail: "100000",
    smtp_max_unknown_commands: "100",
    smtp_max_synprot_errors: "100",
    ...settings,
  };
  return `${Object.entries(main)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join("")}
begin acl
check_rcpt:
  accept authenticated = *
  defer message = Busy
        local_parts = busy
  accept domains = example.net
         local_parts = ${mailboxes.join(" : ")}
  deny message = Nobody here
check_data:
  deny message = Unwanted
       condition = \${if def:h_X-Refuse:}
  accept

begin routers
mailboxes:
  driver = accept
  domains = example.net
  local_parts = ${mailboxes.join(" : ")}
  transport = mailbox
nowhere:
  driver = redirect
  data = :blackhole:

begin transports
mailbox:
  driver = appendfile
  directory = ${root}/mail/$local_part_data
  create_directory
  maildir_format
  user = ${MAILBOX_OWNER}
  group = ${MAILBOX_OWNER}
  no_check_owner

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and{{eq{$auth2}{${user.name}}}{eq{$auth3}{${user.password}}}}}
  server_set_id = $auth2
  server_advertise_condition = \${if def:tls_in_cipher}
`;
}
