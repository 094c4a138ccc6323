#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace moelab {

/// Where the rows of each expert lie: one run behind the other, or, `padded` (a capacity of at least 1), each run at the
/// beginning of a place for so many rows. 0 stands for not padded.
///
/// Reads `taken` on the host.
/// @throws ValueError or TypeError for lengths that are negative, do not fit their place, or sum to more than int64 holds
class ExpertRows {
 public:
  ExpertRows(const at::Tensor& taken, int64_t padded);

  int64_t experts() const { return starts.size(); }
  int64_t computed() const { return total; }
  /// Rows of the tensors that hold them, gaps included.
  int64_t stored() const { return padded > 0 ? experts() * padded : total; }
  bool hasGaps() const { return stored() != computed(); }

  /// Throws unless a tensor has the rows: [stored(), columns].
  void check(const char* name, const at::Tensor& rows) const;
  /// Throws unless `order` (int64) names one assignment for each computed row.
  void checkOrder(const at::Tensor& order) const;
  /// Stored row of each computed one, int64 on the device of `like`.
  at::Tensor places(const at::Tensor& like) const;

  std::vector<int64_t> starts;   // first stored row of each expert
  std::vector<int64_t> lengths;

 private:
  int64_t padded;
  int64_t total = 0;
};

}  // namespace moelab
