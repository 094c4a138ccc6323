const log28: string[] = [];
const work28 = async (name: string, ms: number) => {
  log28.push(`start ${name}`);
  await new Promise((resolve) => setTimeout(resolve, ms));
  log28.push(`end ${name}`);
};
await Promise.all([work28("a", 30), work28("b", 5)]);
console.log(log28);
const controller28 = new AbortController();
controller28.abort(new Error("stop"));
console.log(controller28.signal.aborted, controller28.signal.reason.message);
