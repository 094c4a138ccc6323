/** A rank that meets the others, and prints how many they are or why they do not meet. */
import { dist, torch } from "../../dist/src/index.js";

try {
  const group = await dist.init({ connectTimeout: Number(process.env.CONNECT_TIMEOUT ?? 60) });
  console.log(JSON.stringify({ met: group.allReduce(torch.tensor([1])).item() }));
} catch (fault) {
  console.log(JSON.stringify(fault.message));
}
process.exit(0);
