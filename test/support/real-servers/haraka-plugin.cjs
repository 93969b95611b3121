/* global DENY, DENYSOFT, OK */
// Haraka's plugin for the tests: says who has a mailbox, and stores what was taken.
const { mkdirSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { Writable } = require("node:stream");

let count = 0;

exports.register = function () {
  this.tests = JSON.parse(this.config.get("tests.json", "data").join("\n"));
};

exports.hook_connect = (next, connection) => {
  // It writes each reply by itself: without this, each but the first would wait for the acknowledgement of the one before.
  connection.client.targetsocket.setNoDelay(true);
  next();
};

exports.hook_mail = (next) => next(OK);

exports.hook_rcpt = function (next, connection, [recipient]) {
  const { user, host } = recipient;
  if (host !== "example.net") return connection.relaying ? next(OK) : next(DENY, "Relay access denied");
  if (connection.relaying) return next(OK);
  if (user === "busy") return next(DENYSOFT, "Busy");
  return this.tests.mailboxes.includes(user) ? next(OK) : next(DENY, "No such user");
};

exports.hook_data_post = (next, connection) =>
  connection.transaction.header.get("X-Refuse") ? next(DENY, "Unwanted") : next();

exports.hook_queue = function (next, connection) {
  const { message_stream, rcpt_to } = connection.transaction;
  const { mailboxes, folder } = this.tests;
  const parts = [];
  const text = new Writable({
    write(part, _, done) {
      parts.push(part);
      done();
    },
  });
  text.on("finish", () => {
    count++;
    for (const { user } of rcpt_to) {
      if (!mailboxes.includes(user)) continue;
      mkdirSync(join(folder, user), { recursive: true });
      writeFileSync(join(folder, user, `${count}`), Buffer.concat(parts));
    }
    next(OK, "Taken");
  });
  message_stream.pipe(text, { line_endings: "\r\n" });
};

// What who has authenticated sends goes here, too.
exports.hook_queue_outbound = exports.hook_queue;
