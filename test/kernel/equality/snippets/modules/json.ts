import data44 from "./parts/data.json" with { type: "json" };
console.log(data44, data44.nested.list[1]);
const again44 = await import("./parts/data.json", { with: { type: "json" } });
console.log(again44.default.name, Object.keys(again44));
