import { createHmac } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { host as runsIn } from "../host.js";
import { checkCount, checkOptionNames, checkReal } from "../nn/options.js";
import { tensor } from "../torch/creation.js";
import { tidy } from "../torch/lifetime.js";
import { ops } from "../torch/ops.js";
import { launchedAs } from "./environment.js";
import { Group } from "./group.js";
import { rendezvous } from "./rendezvous.js";

/** All ranks of the job this process belongs to. A process that was not launched as one of several is a world of one. */

export interface InitOptions {
  /** Default: what the launcher says (RANK and WORLD_SIZE, or the variables of Open MPI, Slurm, Kubernetes); 0 of 1. */
  rank?: number;
  worldSize?: number;
  /** Index among the ranks of this machine. */
  localRank?: number;
  /** The machine of rank 0. Default MASTER_ADDR. */
  masterAddr?: string;
  /** A free port of that machine. Default MASTER_PORT, or 29500. */
  masterPort?: number;
  /**
   * The address on which this rank listens for the others. Default MOELAB_DIST_HOST, or the one from which rank 0 is
   * reached: loopback unless the job spans machines.
   */
  host?: string;
  /**
   * What only the ranks of this job know: others are turned away. Default MOELAB_DIST_SECRET; without one, whoever
   * reaches the port can join. What the ranks send one another is not encrypted.
   */
  secret?: string;
  /** Seconds in which all ranks must have come. Default 120. */
  connectTimeout?: number;
  /** Seconds after which a collective without progress fails and names the ranks that it waits for. Default 600. */
  timeout?: number;
}

const initOptionNames = [
  ...[
    "rank",
    "worldSize",
    "localRank",
    "masterAddr",
    "masterPort",
    "host",
    "secret",
    "connectTimeout",
    "timeout",
  ],
];

interface World {
  group: Group;
  localRank: number;
  /** Where this rank listens. */
  host: string;
  token: string;
  connectTimeout: number;
  timeout: number;
  /** How many groups were made: all ranks make the same in the same order. */
  groups: number;
}

const alone = new Group("world", 0, [0], null);
let world: World | null = null;

/** This process's number among all ranks of the job; 0 without {@link init}. */
export function rank(): number {
  return worldGroup().rank;
}

/** Ranks of the job; 1 without {@link init}. */
export function worldSize(): number {
  return worldGroup().size;
}

/** Index among the ranks of this machine. */
export function localRank(): number {
  return world?.localRank ?? 0;
}

/** The group of all ranks. */
export function worldGroup(): Group {
  return world?.group ?? alone;
}

/**
 * Joins the job: meets the other ranks and connects to each of them. Once in a process, until {@link close}.
 *
 * @throws Error that names who is missing, after `connectTimeout`
 */
export async function init(options: InitOptions = {}): Promise<Group> {
  const owner = "dist.init";
  checkOptionNames(owner, options, initOptionNames);
  if (world)
    throw new Error(
      `${owner}: this process is rank ${rank()} of ${worldSize()} already; dist.close() leaves`,
    );
  const launched = launchedAs();
  const size = checkCount(owner, "worldSize", options.worldSize ?? launched?.worldSize ?? 1);
  const mine = checkCount(owner, "rank", options.rank ?? launched?.rank ?? 0, 0);
  if (mine >= size)
    throw new RangeError(`${owner}: rank must be less than worldSize, got ${mine} of ${size}`);
  const masterAddr = options.masterAddr ?? launched?.masterAddr ?? "127.0.0.1";
  const masterPort = checkCount(owner, "masterPort", options.masterPort ?? launched?.masterPort ?? 29500);
  const connectTimeout = checkReal(owner, "connectTimeout", options.connectTimeout ?? 120, { above: 0 });
  const timeout = checkReal(owner, "timeout", options.timeout ?? 600, { above: 0 });
  const secret = options.secret ?? process.env.MOELAB_DIST_SECRET ?? "";
  const host = options.host ?? process.env.MOELAB_DIST_HOST ?? (await addressTowards(masterAddr, masterPort));

  const [listener, port] = ops.moelab.dist_listen(host) as [number, number];
  const address = `${host}:${port}`;
  const { signal } = runsIn();
  const meeting = {
    rank: mine,
    worldSize: size,
    masterAddr,
    masterPort,
    secret,
    address,
    timeout: connectTimeout,
  };
  const { addresses, token } = await rendezvous({ ...meeting, signal });
  const ranks = addresses.map((_, at) => at);
  const handle =
    size === 1 ? null : connect("world", mine, ranks, addresses, listener, token, connectTimeout, timeout);
  const group = new Group("world", mine, ranks, handle);
  const local = options.localRank ?? launched?.localRank ?? 0;
  world = { group, localRank: local, host, token, connectTimeout, timeout, groups: 0 };
  return group;
}

/** Leaves the job. Groups and meshes made in it are of no more use. */
export function close(): void {
  world?.group.close();
  world = null;
}

/**
 * Divides all ranks into groups; every rank of the world calls this alike, and gets the group that it is in.
 *
 * @param groups ranks by their numbers in the world, each in exactly one group
 */
export function divide(name: string, groups: readonly (readonly number[])[]): Group {
  const { group: all } = world ?? { group: alone };
  const members = groups.flat().sort((a, b) => a - b);
  if (members.length !== all.size || members.some((member, at) => member !== at)) {
    throw new RangeError(
      `dist.divide: expected each of the ranks 0 to ${all.size - 1} in exactly one group, got ${JSON.stringify(groups)}`,
    );
  }
  const ranks = groups.find((group) => group.includes(all.rank))!;
  const within = ranks.indexOf(all.rank);
  if (!world || all.size === 1) return new Group(name, 0, ranks, null);
  // Each listens and connects for itself, but all must learn the addresses.
  const number = ++world.groups;
  const [listener, port] = ops.moelab.dist_listen(world.host) as [number, number];
  const addresses = tell(all, `${world.host}:${port}`);
  const token = createHmac("sha256", world.token).update(`${number} ${name}`).digest("hex");
  const theirs = ranks.map((member) => addresses[member]);
  const { connectTimeout, timeout } = world;
  const handle =
    ranks.length === 1
      ? null
      : connect(name, within, ranks, theirs, listener, token, connectTimeout, timeout);
  return new Group(name, within, ranks, handle);
}

function connect(
  name: string,
  within: number,
  ranks: readonly number[],
  addresses: readonly string[],
  listener: number,
  token: string,
  connectTimeout: number,
  timeout: number,
): number {
  const list = addresses.join(" ");
  // The engine compares 32 bytes.
  return ops.moelab.dist_connect(
    name,
    within,
    ranks,
    list,
    listener,
    token.slice(0, 32),
    connectTimeout,
    timeout,
  );
}

/** What every rank says, by rank. */
function tell(group: Group, text: string): string[] {
  return tidy(() => {
    const bytes = new TextEncoder().encode(text);
    const sizes = group
      .allGather(tensor([bytes.length], { dtype: "int64" }))
      .toArray<number[]>()
      .map(Number);
    const all = group.allGather(tensor(bytes), sizes).asTypedArray({ copy: true }) as Uint8Array;
    let at = 0;
    return sizes.map((size) => {
      at += size;
      return new TextDecoder().decode(all.subarray(at - size, at));
    });
  });
}

/** The address of this machine from which another is reached. */
async function addressTowards(remote: string, port: number): Promise<string> {
  const socket = createSocket("udp4");
  try {
    socket.connect(port, remote);
    await once(socket, "connect");
    return socket.address().address;
  } catch (fault) {
    throw new Error(`dist.init: no way to MASTER_ADDR '${remote}': ${(fault as Error).message}`);
  } finally {
    socket.close();
  }
}
