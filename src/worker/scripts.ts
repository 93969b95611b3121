// What is done in Redis itself, in one step each. KEYS[1] is what all keys of the queue begin with.

/** The jobs with recipients whose fate is unknown: a sorted set by when it was found. A job's id has no colon. */
const HELD = "smtp:held";

/**
 * Records the progress of jobs, each only if this worker still has its lock and nobody recorded anything since it was
 * read. ARGV, five for each job: id, token of the lock, how the stored progress begins, the new one, when it was held.
 * @returns for each 1, or 0 if the lock is lost, or the progress that is stored instead
 */
const RECORD = `
local out = {}
for at = 1, #ARGV, 5 do
  local key = KEYS[1] .. ARGV[at]
  if redis.call("GET", key .. ":lock") ~= ARGV[at + 1] then
    out[#out + 1] = 0
  else
    local stored = redis.call("HGET", key, "progress") or ""
    if string.sub(stored, 1, 7) ~= '{"rev":' then stored = "" end
    local mark = ARGV[at + 2]
    if (mark == "" and stored == "") or (mark ~= "" and string.sub(stored, 1, #mark) == mark) then
      redis.call("HSET", key, "progress", ARGV[at + 3])
      if ARGV[at + 4] ~= "" then redis.call("ZADD", KEYS[1] .. "${HELD}", ARGV[at + 4], ARGV[at]) end
      out[#out + 1] = 1
    else
      out[#out + 1] = stored
    end
  end
end
return out`;

/**
 * Changes recipients of one job without its lock. ARGV: id; the attempt that must have begun last, or "" for any: then
 * only what is unknown changes; the changes as JSON, by index, or for "*", false for "not begun".
 * @returns the progress as it is stored now; false if nothing was changed
 */
const AMEND = `
local key = KEYS[1] .. ARGV[1]
local stored = redis.call("HGET", key, "progress") or ""
if string.sub(stored, 1, 7) ~= '{"rev":' then return false end
local progress = cjson.decode(stored)
if ARGV[2] ~= "" and progress.attempt ~= tonumber(ARGV[2]) then return false end
local changes = cjson.decode(ARGV[3])
local changed, unknown = false, false
for index, state in pairs(progress.recipients) do
  local change = changes[index]
  if change == nil then change = changes["*"] end
  if change ~= nil and (state.status == "unknown" or (state.status == "begun" and ARGV[2] ~= "")) then
    changed = true
    if change == false then progress.recipients[index] = nil else progress.recipients[index] = change end
  end
  local now = progress.recipients[index]
  if now ~= nil and now.status == "unknown" then unknown = true end
end
if not changed then return false end
local rev = progress.rev + 1
progress.rev = nil
local next = '{"rev":' .. string.format("%d", rev) .. "," .. string.sub(cjson.encode(progress), 2)
redis.call("HSET", key, "progress", next)
if not unknown then redis.call("ZREM", KEYS[1] .. "${HELD}", ARGV[1]) end
return next`;

/** @returns the progress of a job. ARGV: id */
const READ = `return redis.call("HGET", KEYS[1] .. ARGV[1], "progress")`;

/**
 * Lists the jobs that are held. ARGV: how many at most.
 * @returns for each: id, since when, data, progress
 */
const LIST_HELD = `
local out = {}
local ids = redis.call("ZRANGE", KEYS[1] .. "${HELD}", 0, tonumber(ARGV[1]) - 1, "WITHSCORES")
for at = 1, #ids, 2 do
  local job = redis.call("HMGET", KEYS[1] .. ids[at], "data", "progress")
  if job[1] then
    out[#out + 1] = { ids[at], ids[at + 1], job[1], job[2] or "" }
  else
    redis.call("ZREM", KEYS[1] .. "${HELD}", ids[at])
  end
end
return out`;

/**
 * Counts the jobs. ARGV: the score in the set of delayed jobs from which one is not delayed but held.
 * @returns waiting, prioritized, active, delayed, held, failed
 */
const DEPTH = `
local key = KEYS[1]
local resting = redis.call("ZCOUNT", key .. "delayed", ARGV[1], "+inf")
return {
  redis.call("LLEN", key .. "wait") + redis.call("LLEN", key .. "paused"),
  redis.call("ZCARD", key .. "prioritized"),
  redis.call("LLEN", key .. "active"),
  redis.call("ZCARD", key .. "delayed") - resting,
  redis.call("ZCARD", key .. "${HELD}"),
  redis.call("ZCARD", key .. "failed"),
}`;

/** The name of a script. */
export type ScriptName = "smtpRecord" | "smtpAmend" | "smtpRead" | "smtpListHeld" | "smtpDepth";

const SCRIPTS: Readonly<Record<ScriptName, string>> = {
  smtpRecord: RECORD,
  smtpAmend: AMEND,
  smtpRead: READ,
  smtpListHeld: LIST_HELD,
  smtpDepth: DEPTH,
};

/** What is needed of BullMQ's client of Redis. */
export interface ScriptClient {
  defineCommand(name: string, definition: { readonly numberOfKeys: number; readonly lua: string }): void;
  // biome-ignore lint/suspicious/noExplicitAny: as BullMQ has it
  runCommand(name: string, args: any[]): Promise<any>;
}

/** Makes the scripts known to a client, and runs them. */
export async function scriptRunner(
  connected: Promise<ScriptClient>,
): Promise<(name: ScriptName, ...args: readonly (string | number)[]) => Promise<unknown>> {
  const client = await connected;
  for (const [name, lua] of Object.entries(SCRIPTS)) client.defineCommand(name, { numberOfKeys: 1, lua });
  return (name, ...args) => client.runCommand(name, [...args]);
}
