#pragma once
// Host memory of tensors. Running out of it is an error: Linux grants more memory than there is and ends the process when
// it is used, so large allocations are compared with what is free before they are made. Large pieces are kept for reuse.

namespace moelab {

/// Puts both in front of libtorch's CPU allocator. Once per process.
void manageHostMemory();

}  // namespace moelab
