import type { ConnectionInfo } from "../connectionFile.js";
import { kernelInfo } from "../kernelInfo.js";
import type { RequestFamily } from "./request.js";

/** What the kernel is and where it listens. */
export function about(info: ConnectionInfo): RequestFamily {
  const { shell_port, iopub_port, stdin_port, hb_port, control_port } = info;
  return {
    kernel_info_request: () => kernelInfo,
    connect_request: () => ({ status: "ok", shell_port, iopub_port, stdin_port, hb_port, control_port }),
  };
}
