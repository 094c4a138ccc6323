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
  reduction: "Reduction",
  memoryFormat: "MemoryFormat",
};
const returnTypes = { ...types, tensorList: "Tensor[]", scalar: "number", integerList: "number[]" };

// Strings that stand for a few modes, by operator and parameter.
const modes = {
  "div.rounding_mode": ["trunc", "floor"],
  "div_.rounding_mode": ["trunc", "floor"],
  "gelu.approximate": ["none", "tanh"],
  "scatter.reduce": ["add", "multiply"],
  "scatter_.reduce": ["add", "multiply"],
  "scatter_reduce.reduce": ["sum", "prod", "mean", "amax", "amin"],
  "pad.mode": ["constant", "reflect", "replicate", "circular"],
  "meshgrid.indexing": ["ij", "xy"],
  "searchsorted.side": ["left", "right"],
  "linalg_qr.mode": ["reduced", "complete", "r"],
  "linalg_norm.ord": ["fro", "nuc"],
};

function parameterType(parameter, operatorName) {
  const mode = parameter.kind === "string" ? modes[`${operatorName}.${parameter.name}`] : undefined;
  const type = mode ? mode.map((each) => JSON.stringify(each)).join(" | ") : types[parameter.kind];
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

const safeName = (name) => (reserved.has(name) || name === "function" ? `${name}_` : name);

/**
 * The forms of one overload, each a list of `{ name, optional, type }`: positional parameters, then an object with
 * those that are not given by position. The object may come as soon as all required ones are given, in the place of
 * an optional one. The first form, with nothing but the object there, is `brief`: the second says all of it, and it is
 * wanted only where it merges with another overload's.
 */
function formsOf(parameters, operatorName) {
  const describe = (p, optional) => ({
    name: camelCase(p.name),
    optional,
    type: parameterType(p, operatorName),
  });
  const positional = parameters.filter((parameter) => !parameter.keywordOnly);
  const required = positional.findLastIndex(isRequired) + 1;
  /** What may still be named when `count` parameters are given by position. */
  const optionsAfter = (count) =>
    parameters
      .filter((p) => p.keywordOnly || positional.indexOf(p) >= count)
      .map((p) => describe(p, !isRequired(p)));
  const optionsEntry = (options) =>
    options.length > 0
      ? [{ name: "options", optional: options.every((each) => each.optional), options }]
      : [];
  const list = positional.map((p, at) => ({
    ...describe(p, at >= required),
    name: safeName(camelCase(p.name)),
    ...(at >= required ? { options: optionsAfter(at) } : {}),
  }));
  const brief = [...list.slice(0, required), ...optionsEntry(optionsAfter(required))];
  const named = optionsAfter(positional.length);
  if (positional.length === required || named.some((each) => !each.optional))
    return [{ form: brief, brief: false }];
  return [
    { form: brief, brief: true },
    { form: [...list, ...optionsEntry(named)], brief: false },
  ];
}

/** A parameter's type; where an object of named ones may stand, that too. */
function typeText({ type, options }) {
  const object = options
    ? `{ ${options.map((each) => `${each.name}${each.optional ? "?" : ""}: ${each.type}`).join("; ")} }`
    : undefined;
  return [type, object].filter(Boolean).join(" | ");
}

const listText = (form) =>
  form.map((each) => `${each.name}${each.optional ? "?" : ""}: ${typeText(each)}`).join(", ");

/** The one parameter in which two forms differ, or -1: they are then one form with a union there. */
function onlyDifference(a, b) {
  if (a.result !== b.result || a.form.length !== b.form.length) return -1;
  let found = -1;
  for (const [at, each] of a.form.entries()) {
    const other = b.form[at];
    if (each.name !== other.name || each.optional !== other.optional) return -1;
    if (typeText(each) === typeText(other)) continue;
    // Objects that differ would make a union of objects, which says less than two forms do.
    if (found >= 0 || each.options || other.options) return -1;
    found = at;
  }
  return found;
}

/**
 * Merges forms that differ in one parameter (`other: Tensor` and `other: Scalar`), again and again: TypeScript does not
 * try a union argument against one overload after the other.
 */
function merge(forms) {
  const merged = [];
  for (const next of forms) {
    let current = next;
    for (;;) {
      const partner = merged.findIndex((each) => {
        const at = onlyDifference(each, current);
        return at >= 0 || listText(each.form) === listText(current.form);
      });
      if (partner < 0) break;
      const [other] = merged.splice(partner, 1);
      const at = onlyDifference(other, current);
      if (at >= 0) {
        const type = [...new Set(`${other.form[at].type} | ${current.form[at].type}`.split(" | "))].join(
          " | ",
        );
        current = {
          ...other,
          brief: false,
          form: other.form.map((each, index) => (index === at ? { ...each, type } : each)),
        };
      } else current = { ...other, brief: other.brief && current.brief };
    }
    merged.push(current);
  }
  return merged.filter((each) => !each.brief);
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
    const forms = merge(
      overloads.flatMap((overload) =>
        formsOf(overload.parameters, name).map((each) => ({ ...each, result: resultType(overload) })),
      ),
    ).map(({ form, result }) => `(${listText(form)}): ${result}`);
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
    const forms = merge(
      ofSelf.flatMap((overload) =>
        formsOf(overload.parameters.slice(1), name).map((each) => ({
          ...each,
          result: inPlace ? "this" : resultType(overload),
        })),
      ),
    ).map(({ form, result }) => `${jsName}(${listText(form)}): ${result};`);
    methods.push(`${doc("  ")}\n${[...forms].map((form) => `  ${form}`).join("\n")}`);
    table.push(`  ${jsName}: "aten::${name}",`);
  }
}

const text = `// Generated by scripts/generateOperators.mjs from the schemas of libtorch ${addon().system().libtorch}. Do not edit.
import type { DType } from "./dtype.js";
import { type Device, type MemoryFormat, operator, type Reduction, type Scalar } from "./operator.js";
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
