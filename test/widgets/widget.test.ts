import { beforeEach, describe, expect, it, vi } from "vitest";
import { displaySymbol } from "../../src/host.js";
import { Button, Dropdown, FloatProgress, HTML, IntSlider, Text, VBox } from "../../src/widgets/index.js";
import { RecordedFrontEnd } from "./recordedFrontEnd.js";

const view = "application/vnd.jupyter.widget-view+json";

describe("without a front end", () => {
  it("a widget is a state that shows itself as text", async () => {
    const slider = new IntSlider({ description: "k", max: 8, value: 3 });
    const heard: number[] = [];
    slider.on("value", (value, previous) => heard.push(previous, value));
    slider.value = 20;
    expect(slider.value).toBe(8);
    expect(heard).toEqual([3, 8]);
    expect(slider[displaySymbol]()).toEqual({ "text/plain": "k: 8 (0 to 8)" });
    expect(slider.modelId).toBeNull();
    await expect(slider.next()).rejects.toThrow("expected a front end whose user can act, got none");
  });

  it("markup and progress keep a form that can be read", () => {
    expect(new HTML({ value: "<b>1 &lt; 2</b>" })[displaySymbol]()).toEqual({
      "text/html": "<b>1 &lt; 2</b>",
      "text/plain": "1 < 2",
    });
    const shown = new FloatProgress({ value: 0.25, description: "a<b" })[displaySymbol]();
    expect(shown["text/plain"]).toBe(`a<b: ${"█".repeat(5)}${"░".repeat(15)} 25%`);
    expect(shown["text/html"]).toContain('a&lt;b: <progress value="25" max="100">');
  });
});

describe("what cannot be", () => {
  it.each<[string, () => unknown]>([
    [
      "widgets.IntSlider has no option 'vale': did you mean 'value'?",
      () => new IntSlider({ vale: 1 } as any),
    ],
    ["widgets.IntSlider: value must be a whole number, got 2.5", () => new IntSlider({ value: 2.5 })],
    ["widgets.IntSlider: max must be a finite number ≥ 5, got 1", () => new IntSlider({ min: 5, max: 1 })],
    ["widgets.Text: value must be a string, got 3", () => new Text({ value: 3 as any })],
    ["widgets.VBox: children must be widgets, got 1", () => new VBox([1 as any])],
    [
      "widgets.Dropdown: value must be one of a, b or null, got 'c'",
      () => new Dropdown({ options: ["a", "b"], value: "c" as any }),
    ],
    ["widgets.IntSlider has no option 'colour'", () => new IntSlider().on("colour" as any, () => {})],
    ["widgets.Button: expected a function that listens, got string", () => new Button().onClick("x" as any)],
  ])("%s", (message, make) => {
    expect(make).toThrow(message);
  });
});

describe("with a front end", () => {
  let front: RecordedFrontEnd;
  beforeEach(() => {
    front = new RecordedFrontEnd().install();
  });

  const show = (widget: IntSlider | VBox | Button | Dropdown<any>) => {
    const bundle = widget[displaySymbol]();
    return (bundle[view] as { model_id: string }).model_id;
  };

  it("it learns of a widget when that is shown, of its parts before", () => {
    const slider = new IntSlider({ value: 3, layout: { width: "50%" } });
    expect(front.sent).toEqual([]);
    const id = show(slider);
    const [layout, opening] = front.news();
    expect(layout.data.state).toMatchObject({ _model_name: "LayoutModel", width: "50%" });
    expect(opening).toMatchObject({ id, action: "open", metadata: { version: "2.1.0" } });
    expect(opening.data).toEqual({
      buffer_paths: [],
      state: expect.objectContaining({
        _model_name: "IntSliderModel",
        _model_module: "@jupyter-widgets/controls",
        _view_name: "IntSliderView",
        value: 3,
        continuous_update: true,
        layout: `IPY_MODEL_${layout.id}`,
      }),
    });
    expect(show(slider)).toBe(id);
    expect(show(new VBox([slider]))).not.toBe(id);
    expect(front.news().map(({ data }) => data.state.children)).toEqual([[`IPY_MODEL_${id}`]]);
  });

  it("it is told what changed, at its own pace, and all of it before the cell ends", () => {
    const slider = new IntSlider();
    const id = show(slider);
    front.news();
    slider.value = 1;
    for (let value = 2; value <= 100; value++) slider.value = value;
    slider.description = "k";
    slider.description = "k";
    front.endCell();
    expect(front.news()).toMatchObject([
      { id, data: { method: "update", state: { value: 1 } } },
      { id, data: { method: "update", state: { value: 100, description: "k" } } },
    ]);
    front.endCell();
    expect(front.news()).toEqual([]);
  });

  it("what was held back is sent when it is time, without an end of a cell", async () => {
    vi.useFakeTimers();
    try {
      const slider = new IntSlider();
      show(slider);
      slider.value = 1;
      slider.value = 2;
      front.news();
      await vi.advanceTimersByTimeAsync(1000);
      expect(front.news().map(({ data }) => data.state)).toEqual([{ value: 2 }]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("its changes are echoed to all pages, taken, and told to listeners", async () => {
    const slider = new IntSlider({ max: 8 });
    const id = show(slider);
    front.news();
    const heard: unknown[] = [];
    const end = slider.on("value", (value, previous) => heard.push([previous, value]));
    const next = slider.next();
    front.say(id, { method: "update", state: { value: 5 }, buffer_paths: [] });
    expect(front.news().map(({ data }) => data)).toEqual([
      { method: "echo_update", state: { value: 5 }, buffer_paths: [] },
    ]);
    expect(slider.value).toBe(5);
    expect(heard).toEqual([[0, 5]]);
    const value: number = await next;
    expect(value).toBe(5);

    end();
    front.say(id, { method: "update", state: { value: 6 } });
    expect(heard).toHaveLength(1);
  });

  it("a value that cannot be is put right there, too", () => {
    const slider = new IntSlider({ max: 8, value: 2 });
    const id = show(slider);
    front.news();
    front.say(id, { method: "update", state: { value: 50 } });
    expect(slider.value).toBe(8);
    expect(() => front.say(id, { method: "update", state: { value: "x" } })).toThrow(
      "must be a whole number",
    );
    expect(slider.value).toBe(8);
    front.endCell();
    const told = front.news().filter(({ data }) => data.method === "update");
    expect(told.at(-1)!.data.state).toEqual({ value: 8 });
  });

  it("a change there overtakes one that is held back here", () => {
    const slider = new IntSlider();
    const id = show(slider);
    slider.value = 1;
    slider.value = 2;
    front.news();
    front.say(id, { method: "update", state: { value: 9 } });
    front.endCell();
    expect(front.news().map(({ data }) => data.method)).toEqual(["echo_update"]);
    expect(slider.value).toBe(9);
  });

  it("a choice travels as its index", () => {
    const gate = new Dropdown({ options: { soft: "softmax", sig: "sigmoid" } });
    const id = show(gate);
    expect(front.news()[0].data.state).toMatchObject({ _options_labels: ["soft", "sig"], index: 0 });
    front.say(id, { method: "update", state: { index: 1 } });
    expect(gate.value).toBe("sigmoid");
    expect(() => front.say(id, { method: "update", state: { index: 7 } })).toThrow("the index of an option");
    front.endCell();
    front.news();
    gate.options = { noisy: "noisy top-k" };
    front.endCell();
    expect(front.news().at(-1)!.data.state).toMatchObject({ _options_labels: ["noisy"], index: 0 });
    expect(gate.value).toBe("noisy top-k");
  });

  it("a page that is loaded anew gets all states at once, or one that it asks for", () => {
    const slider = new IntSlider({ value: 4 });
    const id = show(slider);
    front.news();
    front.open("jupyter.widget.control", "control");
    front.say("control", { method: "request_states" });
    const [{ id: answered, data }] = front.news();
    expect(answered).toBe("control");
    expect(data).toMatchObject({ method: "update_states", buffer_paths: [] });
    expect(data.states[id]).toMatchObject({
      model_name: "IntSliderModel",
      model_module: "@jupyter-widgets/controls",
      model_module_version: "2.0.0",
      state: { value: 4 },
    });
    front.say(id, { method: "request_state" });
    expect(front.news()[0].data).toMatchObject({ method: "update", state: { value: 4, max: 100 } });

    slider.close();
    expect(front.news()).toMatchObject([{ id, action: "close" }]);
    front.say("control", { method: "request_states" });
    expect(Object.keys(front.news()[0].data.states)).not.toContain(id);
    slider.value = 5;
    front.endCell();
    expect(front.news()).toEqual([]);
  });

  it("a widget that the front end closed is opened anew when it is shown again", () => {
    const slider = new IntSlider();
    const id = show(slider);
    front.close(id);
    slider.value = 7;
    expect(show(slider)).not.toBe(id);
    expect(front.sent.at(-1)).toMatchObject({ action: "open", data: { state: { value: 7 } } });
  });

  it("clicks and submitted texts reach their listeners", async () => {
    const button = new Button({ description: "Run" });
    const id = show(button);
    const clicked = button.clicked();
    const listener = vi.fn();
    button.onClick(listener);
    front.say(id, { method: "custom", content: { event: "click" } });
    expect(await clicked).toBe(button);
    expect(listener).toHaveBeenCalledExactlyOnceWith(button);

    const text = new Text();
    const submitted = vi.fn();
    text.onSubmit(submitted);
    text[displaySymbol]();
    const textId = front.sent.at(-1)!.id;
    front.say(textId, { method: "update", state: { value: "abc" } });
    front.say(textId, { method: "custom", content: { event: "submit" } });
    expect(submitted).toHaveBeenCalledExactlyOnceWith("abc");
  });

  it("what a listener throws reaches neither the others nor the code that set the value", async () => {
    const uncaught = new Promise((resolve) => {
      const handlers = process.rawListeners("uncaughtException");
      process.removeAllListeners("uncaughtException");
      process.once("uncaughtException", (fault) => {
        for (const each of handlers) process.on("uncaughtException", each as () => void);
        resolve(fault);
      });
    });
    const slider = new IntSlider();
    const heard = vi.fn();
    slider.on("value", () => {
      throw new RangeError("listener failed");
    });
    slider.on("value", heard);
    slider.value = 3;
    expect(heard).toHaveBeenCalledOnce();
    expect(await uncaught).toMatchObject({ message: "listener failed" });
  });
});
