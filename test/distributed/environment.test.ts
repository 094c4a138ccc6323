import { describe, expect, test } from "vitest";
import { launchedAs } from "../../src/distributed/environment.js";

describe("launchedAs reads the variables of", () => {
  const master = { MASTER_ADDR: "10.0.0.1", MASTER_PORT: "1234" };

  test.each([
    [
      "torchrun",
      { RANK: "3", WORLD_SIZE: "8", LOCAL_RANK: "1", LOCAL_WORLD_SIZE: "2", ...master },
      [3, 8, 1, 2],
    ],
    [
      "Open MPI",
      {
        ...{ OMPI_COMM_WORLD_RANK: "1", OMPI_COMM_WORLD_SIZE: "4", OMPI_COMM_WORLD_LOCAL_RANK: "0" },
        ...{ OMPI_COMM_WORLD_LOCAL_SIZE: "1", ...master },
      },
      [1, 4, 0, 1],
    ],
    ["Slurm", { SLURM_PROCID: "5", SLURM_NTASKS: "6", SLURM_LOCALID: "2", ...master }, [5, 6, 2, undefined]],
    ["Kubernetes", { JOB_COMPLETION_INDEX: "2", WORLD_SIZE: "4", ...master }, [2, 4, 0, undefined]],
  ])("%s", (_, environment, [rank, worldSize, localRank, localWorldSize]) => {
    const expected = { rank, worldSize, localRank, localWorldSize, masterAddr: "10.0.0.1", masterPort: 1234 };
    expect(launchedAs(environment)).toEqual(expected);
  });

  test("nobody: then there is one process", () => {
    expect(launchedAs({})).toBeNull();
    expect(launchedAs({ RANK: "0" })).toBeNull();
  });
});

test("the first node of a Slurm list has rank 0", () => {
  const first = (list: string) =>
    launchedAs({ SLURM_PROCID: "0", SLURM_NTASKS: "2", SLURM_JOB_NODELIST: list })?.masterAddr;
  expect(["alpha", "alpha,beta", "gpu[003-004,7]", "n[1,4]-ib", "n12"].map(first)).toEqual([
    ...["alpha", "alpha", "gpu003", "n1-ib", "n12"],
  ]);
});

test("variables that cannot be true are errors that name them", () => {
  const of = (environment: Record<string, string>) => () =>
    launchedAs({ RANK: "0", WORLD_SIZE: "2", MASTER_ADDR: "a", ...environment });
  expect(of({ RANK: "2" })).toThrow("RANK is 2, expected less than WORLD_SIZE, which is 2");
  expect(of({ WORLD_SIZE: "many" })).toThrow("WORLD_SIZE must be a whole number from 1 up, got NaN");
  expect(of({ MASTER_PORT: "-1" })).toThrow("MASTER_PORT must be a whole number from 1 up, got -1");
  expect(() => launchedAs({ RANK: "0", WORLD_SIZE: "2" })).toThrow("MASTER_ADDR is not set");
});
