// moelab::permute and moelab::unpermute by the kernels of cpu/rows.h.

#include <ATen/Functions.h>
#include <ATen/Parallel.h>

#include <vector>

#include "cpu/capability.h"
#include "cpu/rows.h"
#include "permuteOperator.h"

namespace moelab {

namespace {

bool hasKernel(const at::Tensor& t) { return t.scalar_type() == at::kFloat || t.scalar_type() == at::kBFloat16; }

/// The checked order of a call, and what the kernels need of it in plain memory.
struct Moves {
  at::Tensor weights;
  std::vector<int64_t> position, number;
  RowMoves moves;

  Moves(const at::Tensor& like, const at::Tensor& weights_, const RowOrder& placed)
      : weights(weights_.defined() ? weights_.contiguous() : weights_),
        position(placed.tokens * placed.choices, -1), number(placed.rows.stored(), -1) {
    const at::Tensor order = placed.order.contiguous();
    const int64_t* given = order.const_data_ptr<int64_t>();
    const int64_t assignments = position.size();
    for (int64_t e = 0, i = 0; e < placed.rows.experts(); ++e) {
      for (int64_t row = placed.rows.starts[e]; row < placed.rows.starts[e] + placed.rows.lengths[e]; ++row, ++i) {
        const int64_t a = given[i];
        TORCH_CHECK_INDEX(a >= 0 && a < assignments, "order[", i, "] is ", a, ", expected 0 to ", assignments - 1);
        TORCH_CHECK_INDEX(position[a] < 0, "order: expected every assignment once, got ", a, " again in row ", i);
        position[a] = row;
        number[row] = a;
      }
    }
    moves = {like.scalar_type() == at::kFloat ? Element::float32 : Element::bfloat16,
             placed.tokens,
             placed.choices,
             like.size(1),
             placed.rows.stored(),
             position.data(),
             number.data(),
             weights.defined() ? weights.const_data_ptr<float>() : nullptr,
             at::get_num_threads()};
  }
};

}  // namespace

at::Tensor permuteOnCpu(const at::Tensor& x, const at::Tensor& weights, const RowOrder& placed) {
  if (!hasKernel(x)) return permuteReference(x, weights, placed);
  const at::Tensor from = x.contiguous();
  const Moves call(from, weights, placed);
  at::Tensor rows = at::empty({placed.rows.stored(), x.size(1)}, x.options());
  scatterRows(call.moves, cpuCapability(), from.const_data_ptr(), rows.mutable_data_ptr());
  return rows;
}

at::Tensor unpermuteOnCpu(const at::Tensor& rows, const at::Tensor& weights, const RowOrder& placed) {
  if (!hasKernel(rows)) return unpermuteReference(rows, weights, placed);
  const at::Tensor from = rows.contiguous();
  const Moves call(from, weights, placed);
  at::Tensor out = at::empty({placed.tokens, rows.size(1)}, rows.options());
  gatherRows(call.moves, cpuCapability(), from.const_data_ptr(), out.mutable_data_ptr());
  return out;
}

std::tuple<at::Tensor, at::Tensor> unpermuteBackwardOnCpu(const at::Tensor& grad, const at::Tensor& rows,
                                                          const at::Tensor& weights, const RowOrder& placed,
                                                          bool wantsRows, bool wantsWeights) {
  if (!hasKernel(rows)) return unpermuteBackwardReference(grad, rows, weights, placed, wantsRows, wantsWeights);
  const at::Tensor from = grad.contiguous(), answers = rows.contiguous();
  const Moves call(from, weights, placed);
  at::Tensor gradRows, gradWeights;
  if (wantsRows) {
    gradRows = at::empty(rows.sizes(), rows.options());
    scatterRows(call.moves, cpuCapability(), from.const_data_ptr(), gradRows.mutable_data_ptr());
  }
  if (wantsWeights) {
    gradWeights = at::empty(weights.sizes(), weights.options());
    multiplyRows(call.moves, cpuCapability(), from.const_data_ptr(), answers.const_data_ptr(),
                 gradWeights.mutable_data_ptr<float>());
  }
  return {gradRows, gradWeights};
}

}  // namespace moelab
