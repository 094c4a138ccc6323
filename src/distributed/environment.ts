import { checkCount, describeValue } from "../nn/options.js";

/** Which rank this process is, as whatever launched it says. */
export interface LaunchedAs {
  rank: number;
  worldSize: number;
  /** Index among the ranks of this machine. */
  localRank: number;
  /** How many of them there are, where it is known. */
  localWorldSize?: number;
  masterAddr: string;
  masterPort: number;
}

/** As torchrun has it. */
const defaultPort = 29500;

interface Launcher {
  name: string;
  rank: string;
  worldSize: string;
  localRank?: string;
  localWorldSize?: string;
}

/** The variables of each launcher, in the order in which they are believed. */
const launchers: Launcher[] = [
  {
    name: "torchrun",
    rank: "RANK",
    worldSize: "WORLD_SIZE",
    localRank: "LOCAL_RANK",
    localWorldSize: "LOCAL_WORLD_SIZE",
  },
  {
    name: "Open MPI",
    rank: "OMPI_COMM_WORLD_RANK",
    worldSize: "OMPI_COMM_WORLD_SIZE",
    localRank: "OMPI_COMM_WORLD_LOCAL_RANK",
    localWorldSize: "OMPI_COMM_WORLD_LOCAL_SIZE",
  },
  {
    name: "Slurm",
    rank: "SLURM_PROCID",
    worldSize: "SLURM_NTASKS",
    localRank: "SLURM_LOCALID",
    localWorldSize: "SLURM_NTASKS_PER_NODE",
  },
  { name: "Kubernetes", rank: "JOB_COMPLETION_INDEX", worldSize: "WORLD_SIZE" },
];

/**
 * Reads the environment: RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT (torchrun's contract), or what
 * Open MPI, Slurm or an indexed Kubernetes job set in their place. Null for a process that nobody launched as a rank.
 *
 * @throws Error for variables that contradict each other or are no numbers
 */
export function launchedAs(environment: NodeJS.ProcessEnv = process.env): LaunchedAs | null {
  const launcher = launchers.find(
    ({ rank, worldSize }) => environment[rank] !== undefined && environment[worldSize] !== undefined,
  );
  if (!launcher) return null;
  const number = (name: string | undefined, fallback: number, min = 0) => {
    const text = name === undefined ? undefined : environment[name];
    if (text === undefined || text === "") return fallback;
    return checkCount(`dist.init (${launcher.name})`, name!, Number(text), min);
  };
  const rank = number(launcher.rank, 0);
  const worldSize = number(launcher.worldSize, 1, 1);
  if (rank >= worldSize) {
    throw new RangeError(
      `dist.init: ${launcher.rank} is ${rank}, expected less than ${launcher.worldSize}, which is ${worldSize}`,
    );
  }
  const masterAddr = environment.MASTER_ADDR ?? firstSlurmNode(environment);
  if (worldSize > 1 && masterAddr === undefined) {
    throw new Error(
      `dist.init: ${launcher.name} launched ${worldSize} ranks, but MASTER_ADDR is not set; ` +
        "set it to the machine of rank 0 (127.0.0.1 when all ranks run on this one)",
    );
  }
  return {
    rank,
    worldSize,
    localRank: number(launcher.localRank, 0),
    localWorldSize: number(launcher.localWorldSize, 0) || undefined,
    masterAddr: masterAddr ?? "127.0.0.1",
    masterPort: number("MASTER_PORT", defaultPort, 1),
  };
}

/** Of a node list such as "gpu[003-004,7]" or "alpha,beta". */
function firstSlurmNode({ SLURM_JOB_NODELIST: list }: NodeJS.ProcessEnv): string | undefined {
  if (!list) return undefined;
  const found = /^([^,[]+)(?:\[([^\],-]+)[^\]]*\]([^,]*))?/.exec(list);
  if (!found) throw new Error(`dist.init: cannot read SLURM_JOB_NODELIST ${describeValue(list)}`);
  const [, prefix, first = "", suffix = ""] = found;
  return prefix + first + suffix;
}
