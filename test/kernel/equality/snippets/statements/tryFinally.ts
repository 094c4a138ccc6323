const log33: string[] = [];
for (const x of [1, 2, 3]) {
  try {
    if (x === 2) continue;
    log33.push(`body ${x}`);
  } finally {
    log33.push(`finally ${x}`);
  }
}
console.log(log33);
try {
  try {
    throw new Error("inner");
  } finally {
    console.log("cleanup");
  }
} catch ({ message }: any) {
  console.log(message);
}
try {
  null!;
  (undefined as any).x;
} catch (error) {
  console.log((error as Error).message);
}
try {
  JSON.parse("{");
} catch {
  console.log("no binding");
}
