console.log(typeof import.meta.url, typeof import.meta.dirname, typeof import.meta.filename);
console.log(import.meta.url.startsWith("file:///"), import.meta.filename!.startsWith(import.meta.dirname!));
console.log(import.meta.resolve("node:fs"), import.meta.resolve("./x.js") === new URL("./x.js", import.meta.url).href);
console.log(import.meta.resolve("esm-package").endsWith("/node_modules/esm-package/lib/main.js"));
