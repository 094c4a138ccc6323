#include "expertRows.h"

#include <ATen/Functions.h>

#include <limits>

namespace moelab {

ExpertRows::ExpertRows(const at::Tensor& taken, int64_t padded) : padded(padded) {
  TORCH_CHECK_TYPE(taken.scalar_type() == at::kLong, "taken: expected int64, got ", taken.scalar_type());
  TORCH_CHECK_VALUE(taken.dim() == 1 && taken.size(0) > 0, "taken: expected shape [experts], got ", taken.sizes());
  const int64_t count = taken.size(0), most = std::numeric_limits<int64_t>::max();
  TORCH_CHECK_VALUE(padded >= 0 && padded <= most / count, "padded: expected the rows kept for each expert, or 0, got ",
                    padded);
  const at::Tensor here = taken.to(at::kCPU).contiguous();
  const int64_t* given = here.const_data_ptr<int64_t>();
  lengths.assign(given, given + count);
  for (int64_t e = 0; e < count; ++e) {
    TORCH_CHECK_VALUE(lengths[e] >= 0 && lengths[e] <= (padded > 0 ? padded : most - total), "taken[", e, "] is ",
                      lengths[e], ", expected ", padded > 0 ? "0 to the padded rows" : "a number of rows");
    starts.push_back(padded > 0 ? e * padded : total);
    total += lengths[e];
  }
}

void ExpertRows::check(const char* name, const at::Tensor& rows) const {
  TORCH_CHECK_VALUE(rows.dim() == 2 && rows.size(0) == stored(), name, ": expected shape [", stored(),
                    padded > 0 ? " (experts times padded rows)" : " (the sum of taken)", ", columns], got ", rows.sizes());
}

void ExpertRows::checkOrder(const at::Tensor& order) const {
  TORCH_CHECK_TYPE(order.scalar_type() == at::kLong, "order: expected int64, got ", order.scalar_type());
  TORCH_CHECK_VALUE(order.dim() == 1 && order.size(0) == computed(), "order: expected shape [", computed(),
                    "], the sum of taken, got ", order.sizes());
}

at::Tensor ExpertRows::places(const at::Tensor& like) const {
  at::Tensor places = at::empty({computed()}, at::kLong);
  int64_t* place = places.mutable_data_ptr<int64_t>();
  for (int64_t e = 0; e < experts(); ++e) {
    for (int64_t i = 0; i < lengths[e]; ++i) *place++ = starts[e] + i;
  }
  return places.to(like.device());
}

}  // namespace moelab
