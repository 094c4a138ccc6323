import type { Comm, Comms } from "../host.js";
import { openParts } from "./part.js";
import { withoutBuffers } from "./wireState.js";

/** Where a page that was loaded anew asks for all widgets. */
const target = "jupyter.widget.control";

let prepared: Comms | undefined;

/** Once for each front end: answers pages that ask, and lets no cell end before its widgets' states are sent. */
export function prepareFrontEnd(comms: Comms): void {
  if (prepared === comms) return;
  prepared = comms;
  comms.onOpen(target, (comm) => {
    comm.onMessage(({ data }) => {
      if (data.method === "request_states") sendStates(comm);
    });
  });
  comms.beforeEnd(() => {
    for (const part of openParts.values()) part.flush();
  });
}

function sendStates(comm: Comm): void {
  const models = [...openParts].map(([id, part]) => {
    const state = part.wireState();
    const { _model_name: model_name, _model_module: model_module } = state;
    return [id, { model_name, model_module, model_module_version: state._model_module_version, state }];
  });
  const { state: states, bufferPaths, buffers } = withoutBuffers(Object.fromEntries(models));
  comm.send({ method: "update_states", states, buffer_paths: bufferPaths }, { buffers });
}
