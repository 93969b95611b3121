import { leftOutWithout } from "./tools.ts";

export { type OwnRedis as TestRedis, startRedis } from "../../examples/worker/redis.ts";

/** Whether there is no Redis to test with. */
export const redisSkipped: boolean = leftOutWithout(
  ["redis-server"],
  "On Debian: apt-get install redis-server. Elsewhere: https://redis.io/docs/latest/operate/oss_and_stack/install/.",
);
