import { moe, nn, torch } from "../../../src/index.js";

/** A gate as a user writes it in a cell. */
class OwnGate extends moe.Gate {
  proj: nn.Linear;

  constructor(dim: number, experts: number) {
    super();
    this.proj = new nn.Linear(dim, experts, { bias: false });
  }

  forward(x: torch.Tensor) {
    return moe.topK(this.proj.forward(x).sigmoid(), 2);
  }
}

interface Options extends Partial<moe.MoELayerOptions> {
  name: string;
}

const cases: Options[] = [
  { name: "softmax top-2", topK: 2 },
  { name: "one expert", experts: 1, topK: 1 },
  { name: "Switch under a tight capacity", gate: moe.switchGate({ capacityFactor: 0.5 }) },
  { name: "GShard with random second experts", gate: moe.gshard({ capacityFactor: 0.8 }) },
  { name: "sigmoid with a bias", gate: moe.sigmoidGate({ topK: 3 }) },
  { name: "experts choose", gate: moe.expertChoiceGate() },
  {
    name: "a gate of one's own under a capacity",
    gate: ({ dim, experts }) => new OwnGate(dim, experts),
    capacityFactor: 0.7,
  },
];

/** Layers that have just routed 60 tokens, a few of each kind. */
export const routings = cases.map(({ name, ...options }) => ({
  name,
  make(): { layer: moe.MoELayer } {
    torch.manualSeed(3);
    const layer = new moe.MoELayer({ dim: 8, hidden: 8, experts: 6, ...options });
    for (const parameter of layer.gate.parameters()) parameter.detach().mul_(8);
    layer.forward(torch.randn([60, 8]));
    return { layer };
  },
}));
