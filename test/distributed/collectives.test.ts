import { describe, expect, test } from "vitest";
import { resultsOfRanks } from "./ranks.js";

interface Seen {
  checks: number;
  faults: string[];
  /** By one all-to-all of 10 rows of 4 float32 for each rank. */
  sent: { messages: number; bytes: number };
}

describe("collectives", () => {
  test.each([1, 2, 3, 4])(
    "among %i ranks give what one rank computes alone, and its gradients",
    async (count) => {
      const seen = await resultsOfRanks<Seen>("collectivesRank.mjs", count);
      for (const { checks, faults, sent } of seen) {
        expect(faults).toEqual([]);
        expect(checks).toBeGreaterThan(90);
        expect(sent).toEqual({ messages: count - 1, bytes: (count - 1) * 160 });
      }
    },
  );
});
