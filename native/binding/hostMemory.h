#pragma once
// Running out of host memory as an error. Linux grants more memory than there is and ends the process when it is used;
// large allocations are compared with what is free before they are made.

namespace moelab {

/// Puts the check in front of libtorch's CPU allocator. Once per process.
void guardHostMemory();

}  // namespace moelab
