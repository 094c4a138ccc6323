import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Jupyter } from "./jupyter.js";

interface Outcome {
  name: string;
  seconds: number;
  fault?: string;
}

const topics = readdirSync(new URL("topics", import.meta.url)).filter((name) => name.endsWith(".py"));
const sources = ["scenarios.py", ...topics.map((name) => `topics/${name}`)].map((name) =>
  readFileSync(new URL(name, import.meta.url), "utf8"),
);
const names = sources.flatMap((source) =>
  [...source.matchAll(/^@scenario\ndef (\w+)/gm)].map((match) => match[1]),
);

describe("a kernel, as jupyter_client sees it", () => {
  const outcomes = new Map<string, Outcome>();
  let jupyter: Jupyter;

  beforeAll(async () => {
    jupyter = new Jupyter();
    await jupyter.python("scenarios.py", [], (line) => {
      const outcome: Outcome = JSON.parse(line);
      outcomes.set(outcome.name, outcome);
    });
  });
  afterAll(() => jupyter.close());

  it.each(names)("%s", (name) => {
    const outcome = outcomes.get(name);
    expect(outcome, "the scenario did not run").toBeDefined();
    expect(outcome?.fault).toBeUndefined();
  });
});

describe("other clients and ends", () => {
  let jupyter: Jupyter;
  beforeAll(() => {
    jupyter = new Jupyter();
  });
  afterAll(() => jupyter.close());

  it("nbclient executes a notebook", () => jupyter.python("notebook.py"));
  it("comms work both ways, while a cell awaits, and end with their executor", () =>
    jupyter.python("comms.py"));
  it("nbconvert executes a notebook, to HTML and to a notebook", () => jupyter.python("converted.py"));
  it("jupyter console completes, asks, is interrupted, shows results and errors", () =>
    jupyter.python("console.py"));
  it("an encrypted transport works, and refuses plain clients", () => jupyter.python("encrypted.py"));
  it("a server loses none of the output, however much it is", () => jupyter.python("server_volume.py"));
  it("a kernel ends when its client was killed", () => jupyter.python("endings.py", ["orphan"]));
  it("a kernel that gets SIGTERM leaves nothing", () => jupyter.python("endings.py", ["sigterm"]));
  it("the executor of a killed kernel ends", () => jupyter.python("endings.py", ["sigkill"]));
});
