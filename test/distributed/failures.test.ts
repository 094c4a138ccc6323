import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { freePort, resultsOfRanks, runRanks } from "./ranks.js";

interface Told {
  first: { message: string; milliseconds: number };
  again: { message: string; milliseconds: number };
  spared: number;
}

describe("a rank that", () => {
  test.each([
    ["is killed", /rank 1 is gone/],
    ["throws", /rank 1 is gone/],
    ["leaves", /rank 1 left the group 'world'/],
    ["hangs", /allReduce number 4 of group 'world': nothing came from rank 1 for 4 s; it hangs/],
    [
      "calls another collective",
      /rank \d is at number 4 \((allGather|allReduce)\), rank \d at number 4 \((allGather|allReduce)\)/,
    ],
    ["has another shape", /expected \d+ bytes from rank \d for rank \d, got \d+; shapes/],
  ])("%s is named by all others at once, and later", async (way, message) => {
    const outcomes = await runRanks("failingRank.mjs", 3, { arguments: [way] });
    for (const rank of [0, 2]) {
      const { stdout, stderr, code } = outcomes[rank];
      expect(stderr).toBe("");
      expect(code).toBe(0);
      const { first, again, spared } = JSON.parse(stdout) as Told;
      expect(first.message).toMatch(message);
      expect(first.milliseconds).toBeLessThan(15_000);
      expect(again.message).toMatch(/the group 'world' has ended: /);
      expect(spared).toBe(2);
    }
  });
});

describe("ranks that do not meet", () => {
  const script = "meetingRank.mjs";

  test("say who is missing", async () => {
    const outcomes = await runRanks(script, 3, {
      environment: { WORLD_SIZE: "4", CONNECT_TIMEOUT: "3" },
    });
    expect(outcomes[0].stdout).toContain("rank 3 of 4 did not come within 3 s");
    for (const { code } of outcomes) expect(code).toBe(0);
  });

  test("say what is wrong: another number of ranks, a rank twice, a variable that is no number", async () => {
    const odd = (environment: (rank: number) => NodeJS.ProcessEnv) =>
      runRanks(script, 2, { environmentOf: environment, environment: { CONNECT_TIMEOUT: "3" } });
    const [, counted] = await odd((rank) => (rank === 1 ? { WORLD_SIZE: "3" } : {}));
    expect(counted.stdout).toContain("rank 1 counts 3 ranks, rank 0 counts 2");
    const [wrong] = await odd(() => ({ RANK: "zero" }));
    expect(wrong.stdout).toContain("RANK must be a whole number from 0 up, got NaN");
    const twice = await runRanks(script, 3, {
      environmentOf: (rank) => (rank === 2 ? { RANK: "1" } : {}),
      environment: { CONNECT_TIMEOUT: "3" },
    });
    expect(twice.map(({ stdout }) => stdout).join()).toContain("rank 1 has come already");
  });

  test("turn those away that do not know the secret, and are not hindered by them", async () => {
    const [mine, theirs] = await runRanks(script, 2, {
      environmentOf: (rank) => (rank === 1 ? { MOELAB_DIST_SECRET: "another" } : {}),
      environment: { CONNECT_TIMEOUT: "3" },
    });
    expect(mine.stdout).toContain("rank 1 of 2 did not come within 3 s");
    expect(theirs.stdout).toContain("rank 0 could not be reached");
    const port = await freePort();
    const strangers = ["GET / HTTP/1.1\r\n\r\n", '{"type":"join","rank":1}\n', "x".repeat(100_000), ""];
    const knocking = setInterval(() => {
      for (const text of strangers) {
        const socket = connect({ port, host: "127.0.0.1" }, () => socket.end(text));
        socket.on("error", () => {});
      }
    }, 20);
    try {
      const met = await resultsOfRanks<{ met: number }>(script, 3, {
        environment: { MASTER_PORT: String(port) },
      });
      expect(met.map((each) => each.met)).toEqual([3, 3, 3]);
    } finally {
      clearInterval(knocking);
    }
  });
});
