/**
 * An error of the engine. `code` tells its sort: "OUT_OF_MEMORY", "INDEX", "VALUE", "TYPE", "NOT_IMPLEMENTED",
 * "ARGUMENT" (checked before the operator ran), "INTERRUPTED" (by the user), "TORCH" (any other check inside libtorch) or "NATIVE".
 */
export class TorchError extends Error {
  override readonly name = "TorchError";

  constructor(
    message: string,
    readonly code: string,
    /** The operator that failed, for example "torch.matmul"; empty outside of operators. */
    readonly operator: string,
  ) {
    super(message);
  }
}
