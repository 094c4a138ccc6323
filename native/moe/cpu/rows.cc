#include "rows.h"

#include "isa.h"

namespace moelab {

void scatterRows(const RowMoves& moves, CpuCapability capability, const void* from, void* to) {
  MOELAB_ON(capability, scatterRows(moves, from, to));
}

void gatherRows(const RowMoves& moves, CpuCapability capability, const void* from, void* to) {
  MOELAB_ON(capability, gatherRows(moves, from, to));
}

void multiplyRows(const RowMoves& moves, CpuCapability capability, const void* grad, const void* rows, float* to) {
  MOELAB_ON(capability, multiplyRows(moves, grad, rows, to));
}

}  // namespace moelab
