import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { connect, createServer, type Socket } from "node:net";

/** How the ranks of a job find one another: rank 0 listens, the others tell it where they can be reached. */

export interface RendezvousOptions {
  rank: number;
  worldSize: number;
  /** Where rank 0 listens. */
  masterAddr: string;
  masterPort: number;
  /** What the ranks of the job know and nobody else. */
  secret: string;
  /** "host:port" where this rank's group listens. */
  address: string;
  /** Seconds. */
  timeout: number;
  /** Gives up when aborted. */
  signal?: AbortSignal;
}

export interface Meeting {
  /** "host:port" of every rank. */
  addresses: string[];
  /** A secret of this meeting, the same on all ranks, that was never sent. 64 hexadecimal digits. */
  token: string;
}

/** The lines that travel, JSON each: both sides prove that they know the secret before either tells anything. */
type Line =
  | { type: "challenge"; nonce: string }
  | { type: "join"; rank: number; worldSize: number; address: string; nonce: string; proof: string }
  | { type: "refused"; reason: string }
  | { type: "met"; addresses: string[]; nonce: string; proof: string };

const longestLine = 1 << 20;
/** Why ranks that did not meet in time stop. */
const tooLate = Symbol("too late");

/** @throws Error that names who is missing, or why this rank was refused */
export async function rendezvous(options: RendezvousOptions): Promise<Meeting> {
  const { rank, worldSize, address, secret, timeout, signal } = options;
  if (worldSize === 1) return { addresses: [address], token: sign(secret, randomBytes(16).toString("hex")) };
  // Not AbortSignal.any: it holds what it is made of so loosely that a limit can be collected before it is reached.
  const stop = new AbortController();
  const late = setTimeout(() => stop.abort(tooLate), timeout * 1000);
  const cancel = () => stop.abort(signal?.reason);
  if (signal?.aborted) cancel();
  signal?.addEventListener("abort", cancel);
  try {
    return await (rank === 0 ? welcome(options, stop.signal) : join(options, stop.signal));
  } finally {
    clearTimeout(late);
    signal?.removeEventListener("abort", cancel);
  }
}

/** What rank 0 does. */
async function welcome(options: RendezvousOptions, stop: AbortSignal): Promise<Meeting> {
  const { worldSize, masterAddr, masterPort, secret, address, timeout } = options;
  const addresses: string[] = [address];
  const joined = new Map<number, { socket: Socket; nonce: string }>();
  const meeting = randomBytes(16).toString("hex");
  const sockets = new Set<Socket>();
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      stop.addEventListener("abort", () =>
        reject(
          stopped(options, stop, () => `${missing(joined, worldSize)} did not come within ${timeout} s`),
        ),
      );
      server.on("error", (fault: NodeJS.ErrnoException) =>
        reject(
          new Error(
            `dist.init: rank 0 cannot listen on ${masterAddr}:${masterPort} (${fault.code}); ` +
              "set MASTER_ADDR and MASTER_PORT to a free port of the machine that runs rank 0",
          ),
        ),
      );
      server.on("connection", (socket) => {
        sockets.add(socket);
        socket.on("close", () => sockets.delete(socket));
        socket.on("error", () => {});
        const nonce = randomBytes(16).toString("hex");
        send(socket, { type: "challenge", nonce });
        onLine(socket, (line) => {
          if (line.type !== "join") return socket.destroy();
          const known = sign(secret, "join", nonce, line.nonce, String(line.rank), line.address);
          if (!same(line.proof, known)) return socket.destroy(); // a stranger learns nothing
          const reason = unfit(line, worldSize, joined);
          if (reason) {
            send(socket, { type: "refused", reason });
            return socket.end();
          }
          joined.set(line.rank, { socket, nonce: line.nonce });
          addresses[line.rank] = line.address;
          if (joined.size === worldSize - 1) resolve();
        });
      });
      server.listen({ host: masterAddr, port: masterPort });
    });
    const told = [...joined.values()].map(({ socket, nonce }) => {
      const proof = sign(secret, "met", meeting, nonce, ...addresses);
      send(socket, { type: "met", addresses, nonce: meeting, proof });
      return new Promise<void>((resolve) => socket.end(resolve));
    });
    await Promise.all(told);
    return { addresses, token: sign(secret, "group", meeting) };
  } finally {
    for (const socket of sockets) if (!socket.writableEnded) socket.destroy();
    server.close();
  }
}

function unfit(
  { rank, worldSize: theirs }: { rank: number; worldSize: number },
  worldSize: number,
  joined: ReadonlyMap<number, unknown>,
): string | undefined {
  if (theirs !== worldSize) return `rank ${rank} counts ${theirs} ranks, rank 0 counts ${worldSize}`;
  if (!Number.isInteger(rank) || rank < 1 || rank >= worldSize)
    return `rank ${rank} is not one of 1 to ${worldSize - 1}`;
  if (joined.has(rank)) return `rank ${rank} has come already: each process needs a rank of its own`;
  return undefined;
}

function missing(joined: ReadonlyMap<number, unknown>, worldSize: number): string {
  const ranks = Array.from({ length: worldSize - 1 }, (_, at) => at + 1).filter((rank) => !joined.has(rank));
  return `rank ${ranks.join(", ")} of ${worldSize}`;
}

/** What all other ranks do: rank 0 may start later than they. */
async function join(options: RendezvousOptions, stop: AbortSignal): Promise<Meeting> {
  const { masterAddr, masterPort, timeout } = options;
  for (;;) {
    const met = await attempt(options, stop);
    if (met) return met;
    if (stop.aborted) {
      throw stopped(
        options,
        stop,
        () => `rank 0 could not be reached at ${masterAddr}:${masterPort} within ${timeout} s`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** @returns null when rank 0 is not there (any more) */
function attempt(
  { rank, worldSize, masterAddr, masterPort, secret, address }: RendezvousOptions,
  stop: AbortSignal,
): Promise<Meeting | null> {
  return new Promise((resolve, reject) => {
    const nonce = randomBytes(16).toString("hex");
    const socket = connect({ host: masterAddr, port: masterPort });
    const give = () => socket.destroy();
    stop.addEventListener("abort", give);
    if (stop.aborted) give();
    // Where nobody listens yet, the system may connect a socket to itself, and rank 0 would find its port taken.
    socket.on("connect", () => {
      if (socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress) give();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      stop.removeEventListener("abort", give);
      resolve(null);
    });
    onLine(socket, (line) => {
      if (line.type === "challenge") {
        const proof = sign(secret, "join", line.nonce, nonce, String(rank), address);
        send(socket, { type: "join", rank, worldSize, address, nonce, proof });
      } else if (line.type === "refused") {
        reject(new Error(`dist.init: ${line.reason}`));
        socket.destroy();
      } else if (line.type === "met") {
        if (same(line.proof, sign(secret, "met", line.nonce, nonce, ...line.addresses))) {
          resolve({ addresses: line.addresses, token: sign(secret, "group", line.nonce) });
        }
        socket.destroy();
      }
    });
  });
}

function stopped({ rank }: RendezvousOptions, stop: AbortSignal, late: () => string): Error {
  if (stop.reason !== tooLate) return stop.reason as Error;
  return new Error(
    `dist.init on rank ${rank}: ${late()}. ` +
      "All ranks need the same MASTER_ADDR, MASTER_PORT, WORLD_SIZE and MOELAB_DIST_SECRET, and a way to one another.",
  );
}

function onLine(socket: Socket, listener: (line: Line) => void): void {
  let text = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    const lines = (text + chunk).split("\n");
    text = lines.pop()!;
    if (text.length > longestLine) socket.destroy();
    for (const line of lines) {
      if (socket.destroyed) return;
      try {
        listener(JSON.parse(line));
      } catch {
        socket.destroy();
      }
    }
  });
}

function send(socket: Socket, line: Line): void {
  socket.write(`${JSON.stringify(line)}\n`);
}

function sign(secret: string, ...parts: string[]): string {
  return createHmac("sha256", secret).update(JSON.stringify(parts)).digest("hex");
}

function same(theirs: string, ours: string): boolean {
  const [a, b] = [Buffer.from(String(theirs)), Buffer.from(ours)];
  return a.length === b.length && timingSafeEqual(a, b);
}
