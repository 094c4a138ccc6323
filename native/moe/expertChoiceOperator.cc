// moelab::expert_choice: experts choose tokens. See expertChoice.h for what is computed.

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <torch/library.h>

#include <algorithm>

#include "dispatchOperator.h"
#include "expertChoice.h"

namespace moelab {

namespace {

using Chosen = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor>;

void check(const at::Tensor& scores, int64_t each) {
  TORCH_CHECK_VALUE(scores.dim() == 2 && scores.size(1) > 0, "scores: expected shape [tokens, experts], got ",
                    scores.sizes());
  TORCH_CHECK_TYPE(at::isFloatingType(scores.scalar_type()), "scores: expected a floating point type, got ",
                   scores.scalar_type());
  TORCH_CHECK_VALUE(scores.size(0) < (int64_t{1} << 32), "scores: expected fewer than 2^32 tokens, got ", scores.size(0));
  TORCH_CHECK_VALUE(each >= 0 && each <= scores.size(0), "each: expected 0 to the ", scores.size(0), " tokens, got ",
                    each);
}

Chosen withRows(const at::Tensor& experts, const at::Tensor& kept, int64_t count) {
  DispatchOptions options{count, -1, 1, {}, kept};
  const auto [order, load, taken] =
      experts.is_cpu() ? dispatchOnCpu(experts, options) : dispatchReference(experts, options);
  return {experts, kept, order, taken};
}

Chosen reference(const at::Tensor& scores, int64_t each) {
  check(scores, each);
  const int64_t tokens = scores.size(0), count = scores.size(1);
  const auto ranking = [](const at::Tensor& values, int64_t dim, bool descending) {
    return std::get<1>(at::sort(values, /*stable=*/true, dim, descending));
  };
  const at::Tensor numbers = at::arange(count, scores.options().dtype(at::kLong));
  // Pairs of expert and token, by expert; then of each token from its best expert down.
  at::Tensor token = ranking(scores.detach(), 0, true).narrow(0, 0, each).t().reshape({-1});
  at::Tensor expert = numbers.repeat_interleave(each);
  const at::Tensor best = ranking(scores.detach().index({token, expert}), 0, true);
  token = token.index_select(0, best);
  expert = expert.index_select(0, best);
  const at::Tensor grouped = ranking(token, 0, false);
  token = token.index_select(0, grouped);
  expert = expert.index_select(0, grouped);
  const at::Tensor asks = at::bincount(token, {}, tokens);
  const int64_t most = asks.numel() == 0 ? 1 : std::max<int64_t>(1, asks.max().item<int64_t>());
  const at::Tensor place =
      at::arange(token.numel(), token.options()) - (asks.cumsum(0) - asks).index_select(0, token);
  const at::Tensor experts = at::zeros({tokens, most}, token.options()).index_put({token, place}, expert);
  const at::Tensor kept =
      at::zeros({tokens, most}, token.options().dtype(at::kBool)).index_put({token, place}, at::ones_like(place, at::kBool));
  return withRows(experts, kept, count);
}

Chosen onCpu(const at::Tensor& scores, int64_t each) {
  check(scores, each);
  if (scores.scalar_type() != at::kFloat) return reference(scores, each);
  const at::Tensor input = scores.contiguous();
  const ExpertChoice choice{input.const_data_ptr<float>(), input.size(0), input.size(1), each};
  std::vector<int64_t> chosen(choice.experts * each);
  const int64_t blocks = (choice.experts + choosersAtOnce - 1) / choosersAtOnce;
  at::parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) chooseTokens(choice, block * choosersAtOnce, chosen.data());
  });
  const ChoosersOfTokens found = choosersOfTokens(choice, chosen.data());
  const at::Tensor experts = at::zeros({choice.tokens, found.most}, input.options().dtype(at::kLong));
  const at::Tensor kept = at::zeros({choice.tokens, found.most}, input.options().dtype(at::kBool));
  int64_t* const to = experts.mutable_data_ptr<int64_t>();
  bool* const flags = kept.mutable_data_ptr<bool>();
  for (int64_t t = 0; t < choice.tokens; ++t) {
    const int64_t count = found.begin[t + 1] - found.begin[t];
    std::copy_n(found.experts.begin() + found.begin[t], count, to + t * found.most);
    std::fill_n(flags + t * found.most, count, true);
  }
  return withRows(experts, kept, choice.experts);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(moelab, library) {
  // scores: [T, E]. Each expert takes the tokens in which its score is largest, of equal ones the earlier, NaN before all.
  // experts: int64 [T, k], k as many as the most wanted token has (at least 1), the experts of each token, best first;
  // kept: bool [T, k], false behind them, where experts is 0. order, taken: as of moelab::dispatch. Without gradient.
  const char* const parameters = "(Tensor scores, int each) -> (Tensor experts, Tensor kept, Tensor order, Tensor taken)";
  library.def((std::string("expert_choice") + parameters).c_str());
  library.def((std::string("expert_choice_reference") + parameters).c_str());
}

TORCH_LIBRARY_IMPL(moelab, CPU, library) { library.impl("expert_choice", onCpu); }

TORCH_LIBRARY_IMPL(moelab, CompositeExplicitAutograd, library) {
  library.impl("expert_choice", reference);
  library.impl("expert_choice_reference", reference);
}

}  // namespace moelab
