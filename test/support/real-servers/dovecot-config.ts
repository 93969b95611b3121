import { CERTIFICATE_FILE, KEY_FILE } from "../certificate.ts";
import { TOKEN_KEY } from "./access-token.ts";
import { MAILBOX_OWNER } from "./maildir.ts";

export interface DovecotUser {
  readonly name: string;
  /** None: no AUTH for this user. */
  readonly password?: string;
  /** Octets that the mailbox may hold. Default: any number. */
  readonly quota?: number;
  /** Dovecot can't open the mailbox: 451 at the end of the text. */
  readonly broken?: boolean;
}

/** What the files of an instance are made of. */
export interface DovecotConfig {
  /** The instance's own directory. */
  readonly root: string;
  readonly lmtpPort: number;
  readonly users: readonly DovecotUser[];
}

/** The files, by their path in the instance's directory. */
export function dovecotFiles(config: DovecotConfig): Readonly<Record<string, string>> {
  const { root, users } = config;
  return {
    "dovecot.conf": dovecotConf(config),
    passwords: users
      .filter(({ password }) => password !== undefined)
      .map(({ name, password }) => `${name}:{PLAIN}${password}\n`)
      .join(""),
    users: users.map((user) => userLine(root, user)).join(""),
    oauth2: `introspection_mode = local
local_validation_key_dict = fs:posix:prefix=${root}/keys/
username_attribute = sub
`,
    // Of a token that names neither a party nor a key.
    "keys/default/HS256/default": Buffer.from(TOKEN_KEY).toString("base64"),
  };
}

function userLine(root: string, { name, quota, broken = false }: DovecotUser): string {
  const owner = broken ? ":" : `${MAILBOX_OWNER}:${MAILBOX_OWNER}`;
  const rule = quota === undefined ? "" : `userdb_quota_rule=*:bytes=${quota}`;
  return `${name}::${owner}::${root}/mail/${name}::${rule}\n`;
}

function dovecotConf({ root, lmtpPort }: DovecotConfig): string {
  return `base_dir = ${root}/run
state_dir = ${root}/state
log_path = /dev/stderr
listen = 127.0.0.1
hostname = mail.example.org
protocols = lmtp
ssl = yes
ssl_cert = <${CERTIFICATE_FILE}
ssl_key = <${KEY_FILE}

auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256 xoauth2 oauthbearer
auth_failure_delay = 0
auth_username_format = %Ln
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = ${root}/oauth2
}
passdb {
  driver = passwd-file
  mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
  args = ${root}/passwords
}
userdb {
  driver = passwd-file
  args = ${root}/users
}
service auth {
  unix_listener ${root}/auth {
    mode = 0666
  }
}
# Without this listener nobody waits for having given wrong passwords.
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}

mail_location = maildir:${root}/mail/%n
mail_plugins = quota
plugin {
  quota = maildir:User quota
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${lmtpPort}
  }
  unix_listener ${root}/lmtp {
    mode = 0666
  }
}
`;
}
