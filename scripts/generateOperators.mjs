// Writes src/torch/operators.generated.ts from the schemas of the libtorch in use; with --check only compares.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { addon } from "../dist/src/engine/addon.js";
import { callableOverloads, camelCase } from "../dist/src/torch/operator.js";
import { operatorNames } from "../dist/src/torch/operatorNames.js";

const target = fileURLToPath(new URL("../src/torch/operators.generated.ts", import.meta.url));

// Not declared as functions: they have a form of their own in creation.ts or tensor.ts.
const ownFunctions = new Set(["full"]);
const ownMethods = new Set(["numel"]);
const reserved = new Set(["var", "with", "delete"]);

const types = {
  tensor: "Tensor",
  tensorList: "readonly Tensor[]",
  optionalTensorList: "readonly (Tensor | null)[]",
  scalar: "Scalar",
  scalarList: "readonly Scalar[]",
  integer: "number",
  integerList: "number | readonly number[]",
  real: "number",
  realList: "readonly number[]",
  boolean: "boolean",
  booleanList: "readonly boolean[]",
  string: "string",
  device: "Device",
  dtype: "DType",
  layout: '"strided"',
  memoryFormat: "MemoryFormat",
};
const returnTypes = { ...types, tensorList: "Tensor[]", scalar: "number", integerList: "number[]" };

function parameterType(parameter) {
  const type = types[parameter.kind];
  return parameter.optional ? `${type} | null` : type;
}

function resultType(overload) {
  const { returns } = overload;
  if (returns.length === 0) return "void";
  if (returns.length === 1) return returnTypes[returns[0].kind];
  return `[${returns.map((each, at) => `${camelCase(each.name) || `result${at}`}: ${returnTypes[each.kind]}`).join(", ")}]`;
}

const isGiven = (parameter) => types[parameter.kind] !== undefined;
const isRequired = (parameter) => !parameter.hasDefault && !parameter.optional;

/** Positional parameters, then an object with those that may be named: everything after the required ones. */
function parameterList(parameters) {
  const positional = parameters.filter((parameter) => !parameter.keywordOnly);
  const named = parameters.filter((parameter) => !isRequired(parameter) || parameter.keywordOnly);
  const legalName = (name) => (reserved.has(name) || name === "function" ? `${name}_` : name);
  const options =
    named.length > 0
      ? `{ ${named.map((p) => `${camelCase(p.name)}${isRequired(p) ? "" : "?"}: ${parameterType(p)}`).join("; ")} }`
      : "";
  const forms = new Set();
  const required = positional.findLastIndex(isRequired) + 1;
  const list = (count) =>
    positional
      .slice(0, count)
      .map((p, at) => `${legalName(camelCase(p.name))}${at < required ? "" : "?"}: ${parameterType(p)}`);
  const optionsRequired = named.some((parameter) => isRequired(parameter));
  if (options) forms.add([...list(required), `options${optionsRequired ? "" : "?"}: ${options}`].join(", "));
  if (!optionsRequired && positional.length > required) {
    const trailing = parameters.some((parameter) => parameter.keywordOnly) ? [`options?: ${options}`] : [];
    forms.add([...list(positional.length), ...trailing].join(", "));
  }
  if (!options) forms.add(list(positional.length).join(", "));
  return [...forms];
}

function overloadsOf(name) {
  const all = callableOverloads(`aten::${name}`).map((overload) => ({
    ...overload,
    parameters: overload.parameters.filter(isGiven),
  }));
  if (all.length === 0)
    throw new Error(`aten::${name} does not exist in this libtorch; take it out of operatorNames.ts`);
  return all;
}

const functions = [];
const methods = [];
const table = [];
for (const name of operatorNames) {
  const overloads = overloadsOf(name);
  const jsName = camelCase(name);
  const schemas = overloads.map((overload) => overload.schema);
  const doc = (indent) =>
    schemas.length === 1
      ? `${indent}/** \`${schemas[0]}\` */`
      : `${indent}/**\n${schemas.map((schema) => `${indent} * - \`${schema}\``).join("\n")}\n${indent} */`;

  if (!ownFunctions.has(name)) {
    const forms = new Set(
      overloads.flatMap((overload) =>
        parameterList(overload.parameters).map((list) => `(${list}): ${resultType(overload)}`),
      ),
    );
    const local = reserved.has(jsName) ? `${jsName}_` : jsName;
    const keyword = reserved.has(jsName) ? "const" : "export const";
    functions.push(
      `${doc("")}\n${keyword} ${local}: {\n${[...forms].map((form) => `  ${form};`).join("\n")}\n} = operator("aten::${name}") as never;`,
    );
    if (reserved.has(jsName)) functions.push(`export { ${local} as ${jsName} };`);
  }

  const ofSelf = overloads.filter(
    (overload) => overload.parameters[0]?.name === "self" && overload.parameters[0].kind === "tensor",
  );
  if (ofSelf.length > 0 && !ownMethods.has(name)) {
    const inPlace = name.endsWith("_");
    const forms = new Set(
      ofSelf.flatMap((overload) =>
        parameterList(overload.parameters.slice(1)).map(
          (list) => `${jsName}(${list}): ${inPlace ? "this" : resultType(overload)};`,
        ),
      ),
    );
    methods.push(`${doc("  ")}\n${[...forms].map((form) => `  ${form}`).join("\n")}`);
    table.push(`  ${jsName}: "aten::${name}",`);
  }
}

const text = `// Generated by scripts/generateOperators.mjs from the schemas of libtorch ${addon().system().libtorch}. Do not edit.
import type { DType } from "./dtype.js";
import { type Device, type MemoryFormat, operator, type Scalar } from "./operator.js";
import type { Tensor } from "./tensor.js";

/** Method name → operator, for every operator below whose first parameter is \`self\`. */
export const methodOperators: Record<string, string> = {
${table.join("\n")}
};

export interface TensorMethods {
${methods.join("\n")}
}

${functions.join("\n\n")}
`;

if (process.argv.includes("--check")) {
  if (readFileSync(target, "utf8") !== text) {
    console.error(
      "src/torch/operators.generated.ts does not match the schemas of this libtorch: run `npm run generate` and commit it",
    );
    process.exit(1);
  }
} else {
  writeFileSync(target, text);
}
