const trace60: string[] = [];
const proxy60 = new Proxy({ a: 1 } as Record<string, number>, {
  get: (target, key) => (trace60.push(`get ${String(key)}`), Reflect.get(target, key) ?? 0),
  has: () => true,
  set: (target, key, value) => Reflect.set(target, key, value * 2),
});
proxy60.b = 21;
console.log(proxy60.a + proxy60.missing, "zzz" in proxy60, proxy60.b, trace60);
console.log(Reflect.ownKeys({ x: 1, [Symbol.for("s")]: 2 }), Object.getOwnPropertyDescriptor({ get g() { return 1; } }, "g")!.set);
const sealed60 = Object.seal({ a: 1 });
console.log(Object.isSealed(sealed60), Reflect.deleteProperty(sealed60, "a"));
