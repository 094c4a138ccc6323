const thenable26 = { then(done: (v: string) => void) { done("thenable"); } };
console.log(await thenable26, await 5, await Promise.all([1, thenable26]));
const results26 = await Promise.allSettled([Promise.reject(new Error("no")), 2]);
console.log(results26.map((r) => (r.status === "rejected" ? r.reason.message : r.value)));
console.log(await Promise.race([new Promise((r) => setTimeout(r, 50, "slow")), Promise.resolve("fast")]));
console.log(await Promise.any([Promise.reject(1), Promise.resolve(2)]));
