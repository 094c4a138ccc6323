// The optimizers' steps and the norms of gradients, as operators over lists of tensors.

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <c10/util/irange.h>
#include <torch/library.h>

#include <cmath>
#include <vector>

#include "optimizerStep.h"
#include "reference.h"

namespace moelab {

namespace {

bool hasStorage(const at::Tensor& tensor) {
  const auto type = tensor.scalar_type();
  return tensor.is_cpu() && (type == at::kFloat || type == at::kBFloat16 || type == at::kHalf);
}

Elements elementsOf(const at::Tensor& tensor) {
  const auto type = tensor.scalar_type();
  const Storage storage = type == at::kFloat      ? Storage::float32
                          : type == at::kBFloat16 ? Storage::bfloat16
                                                  : Storage::float16;
  return {const_cast<void*>(tensor.const_data_ptr()), storage};
}

/// The lists of a step, checked against each other. `masters` and `seconds` may be empty: there are none.
struct Lists {
  at::TensorList parameters, gradients, masters, firsts, seconds, steps;
  at::ArrayRef<double> rates, decays;
  at::IntArrayRef seeds;

  void check() const {
    const size_t count = parameters.size();
    const auto sameLength = [&](size_t length, const char* name, bool mayBeEmpty) {
      TORCH_CHECK_VALUE(length == count || (mayBeEmpty && length == 0), name, ": expected ", count,
                        " entries, one for each parameter, got ", length);
    };
    sameLength(gradients.size(), "gradients", false);
    sameLength(masters.size(), "masters", true);
    sameLength(firsts.size(), "averages of gradients", true);
    sameLength(seconds.size(), "averages of squares", true);
    sameLength(steps.size(), "steps", false);
    sameLength(rates.size(), "lr", false);
    sameLength(decays.size(), "weight_decay", false);
    sameLength(seeds.size(), "seeds", false);
    for (const auto i : c10::irange(count)) {
      const auto& parameter = parameters[i];
      sameShape(parameter, gradients[i], "gradient", i);
      TORCH_CHECK_TYPE(at::isFloatingType(parameter.scalar_type()), "parameter ", i, ": expected a floating type, got ",
                       parameter.scalar_type());
      TORCH_CHECK_VALUE(steps[i].numel() == 1 && steps[i].scalar_type() == at::kFloat, "step ", i,
                        ": expected one float32, got ", steps[i].scalar_type(), " ", steps[i].sizes());
      if (!masters.empty()) {
        sameShape(parameter, masters[i], "master", i);
        TORCH_CHECK_TYPE(masters[i].scalar_type() == at::kFloat, "master ", i, ": expected float32, got ",
                         masters[i].scalar_type());
      }
      if (!firsts.empty()) sameShape(parameter, firsts[i], "average of gradients", i);
      if (!seconds.empty()) sameShape(parameter, seconds[i], "average of squares", i);
    }
  }

  /// Whether the kernels take tensor `i`; others go the reference's way.
  bool hasKernel(size_t i) const {
    const auto fits = [&](at::TensorList list) {
      return list.empty() || (hasStorage(list[i]) && list[i].is_contiguous());
    };
    return fits(parameters) && hasStorage(gradients[i]) && fits(masters) && fits(firsts) && fits(seconds);
  }

  ReferenceTensor reference(size_t i) const {
    const auto entry = [&](at::TensorList list) { return list.empty() ? at::Tensor() : list[i]; };
    ReferenceTensor tensor{};
    tensor.parameter = parameters[i];
    tensor.gradient = gradients[i];
    tensor.master = entry(masters);
    tensor.first = entry(firsts);
    tensor.second = entry(seconds);
    return tensor;
  }

 private:
  static void sameShape(const at::Tensor& parameter, const at::Tensor& other, const char* name, size_t i) {
    TORCH_CHECK_VALUE(other.sizes() == parameter.sizes(), name, " ", i, ": expected the parameter's shape ",
                      parameter.sizes(), ", got ", other.sizes());
    TORCH_CHECK_VALUE(other.device() == parameter.device(), name, " ", i, ": expected the parameter's device ",
                      parameter.device(), ", got ", other.device());
  }
};

/// Counts the update that begins, for one tensor.
double nextStep(const at::Tensor& step) {
  // Without the dispatcher: with thousands of small parameters its calls would cost more than the step.
  if (step.is_cpu()) return *step.mutable_data_ptr<float>() += 1;
  step.add_(1);
  return step.item<double>();
}

uint32_t keyOf(int64_t seed, double step) {
  return mixedBits(static_cast<uint32_t>(seed) ^ mixedBits(static_cast<uint32_t>(step)));
}

/// Sorts the tensors of a step into those of the kernel and the others, and runs both.
template <class Fill, class Kernel, class Reference>
void runStep(const Lists& lists, bool kernels, Fill fill, Kernel kernel, Reference reference) {
  lists.check();
  std::vector<OptimizerTensor> tensors;
  std::vector<at::Tensor> alive;
  for (const auto i : c10::irange(lists.parameters.size())) {
    const double step = nextStep(lists.steps[i]);
    ReferenceTensor tensor = lists.reference(i);
    tensor.weightFactor = tensor.secondScale = 1;
    tensor.penalty = 0;
    tensor.rate = lists.rates[i];
    tensor.key = keyOf(lists.seeds[i], step);
    tensor.begins = step == 1;
    fill(tensor, i, step);
    if (!kernels || !lists.hasKernel(i)) {
      reference(tensor);
      continue;
    }
    alive.push_back(tensor.gradient.contiguous());
    const auto elements = [](const at::Tensor& t) { return t.defined() ? elementsOf(t) : Elements{}; };
    tensors.push_back({tensor.parameter.numel(), elementsOf(tensor.parameter), elementsOf(alive.back()),
                       static_cast<float*>(elements(tensor.master).data), elements(tensor.first),
                       elements(tensor.second), static_cast<float>(tensor.weightFactor),
                       static_cast<float>(tensor.penalty), static_cast<float>(tensor.rate),
                       static_cast<float>(tensor.secondScale), tensor.key, tensor.begins});
    // Whoever keeps something made from a parameter, such as packed weights, sees by its version that it is stale.
    if (!tensor.parameter.is_inference()) tensor.parameter.unsafeGetTensorImpl()->bump_version();
  }
  kernel(tensors);
}

void adam(const Lists& lists, bool kernels, double beta1, double beta2, double eps, bool decoupled, bool biasCorrection,
          double gradientScale) {
  runStep(
      lists, kernels,
      [&](ReferenceTensor& tensor, size_t i, double step) {
        const double rate = lists.rates[i], decay = lists.decays[i];
        if (decoupled) tensor.weightFactor = 1 - rate * decay;
        else tensor.penalty = decay;
        if (!biasCorrection) return;
        tensor.rate = rate / (1 - std::pow(beta1, step));
        tensor.secondScale = 1 / std::sqrt(1 - std::pow(beta2, step));
      },
      [&](const std::vector<OptimizerTensor>& tensors) {
        adamStep({tensors.data(), static_cast<int64_t>(tensors.size()), static_cast<float>(1 - beta1),
                  static_cast<float>(beta2), static_cast<float>(1 - beta2), static_cast<float>(eps),
                  static_cast<float>(gradientScale), at::get_num_threads()},
                 cpuCapability());
      },
      [&](const ReferenceTensor& tensor) { adamReference(tensor, beta1, beta2, eps, gradientScale); });
}

void sgd(const Lists& lists, bool kernels, double momentum, double dampening, bool nesterov, double gradientScale) {
  runStep(
      lists, kernels, [&](ReferenceTensor& tensor, size_t i, double) { tensor.penalty = lists.decays[i]; },
      [&](const std::vector<OptimizerTensor>& tensors) {
        sgdStep({tensors.data(), static_cast<int64_t>(tensors.size()), static_cast<float>(momentum),
                 static_cast<float>(1 - dampening), nesterov, static_cast<float>(gradientScale), at::get_num_threads()},
                cpuCapability());
      },
      [&](const ReferenceTensor& tensor) { sgdReference(tensor, momentum, dampening, nesterov, gradientScale); });
}

template <bool kernels>
void adamStepOperator(at::TensorList parameters, at::TensorList gradients, at::TensorList masters,
                      at::TensorList averages, at::TensorList squares, at::TensorList steps,
                      at::ArrayRef<double> rates, at::ArrayRef<double> decays, at::IntArrayRef seeds, double beta1,
                      double beta2, double eps, bool decoupled, bool biasCorrection, double gradientScale) {
  adam({parameters, gradients, masters, averages, squares, steps, rates, decays, seeds}, kernels, beta1, beta2, eps,
       decoupled, biasCorrection, gradientScale);
}

template <bool kernels>
void sgdStepOperator(at::TensorList parameters, at::TensorList gradients, at::TensorList masters,
                     at::TensorList momenta, at::TensorList steps, at::ArrayRef<double> rates,
                     at::ArrayRef<double> decays, at::IntArrayRef seeds, double momentum, double dampening,
                     bool nesterov, double gradientScale) {
  sgd({parameters, gradients, masters, momenta, {}, steps, rates, decays, seeds}, kernels, momentum, dampening,
      nesterov, gradientScale);
}

at::Tensor squaredNormsReference(at::TensorList tensors) {
  std::vector<at::Tensor> sums;
  sums.reserve(tensors.size());
  for (const auto& tensor : tensors) sums.push_back(tensor.to(at::kDouble).square().sum());
  return sums.empty() ? at::zeros({0}, at::kDouble) : at::stack(sums);
}

at::Tensor squaredNormsOnCpu(at::TensorList tensors) {
  std::vector<at::Tensor> alive;
  std::vector<Elements> elements;
  std::vector<int64_t> counts;
  for (const auto& tensor : tensors) {
    alive.push_back(tensor.contiguous());
    if (!hasStorage(tensor)) return squaredNormsReference(tensors);
    elements.push_back(elementsOf(alive.back()));
    counts.push_back(tensor.numel());
  }
  at::Tensor sums = at::empty({static_cast<int64_t>(tensors.size())}, at::kDouble);
  squaredNorms({elements.data(), counts.data(), static_cast<int64_t>(counts.size()), sums.mutable_data_ptr<double>(),
                at::get_num_threads()},
               cpuCapability());
  return sums;
}

constexpr const char* adamSchema =
    "(Tensor(a!)[] parameters, Tensor[] gradients, Tensor(b!)[] masters, Tensor(c!)[] exp_avgs, "
    "Tensor(d!)[] exp_avg_sqs, Tensor(e!)[] steps, *, float[] lr, float[] weight_decay, int[] seeds, float beta1, "
    "float beta2, float eps, bool decoupled, bool bias_correction, float gradient_scale) -> ()";
constexpr const char* sgdSchema =
    "(Tensor(a!)[] parameters, Tensor[] gradients, Tensor(b!)[] masters, Tensor(c!)[] momenta, Tensor(d!)[] steps, *, "
    "float[] lr, float[] weight_decay, int[] seeds, float momentum, float dampening, bool nesterov, "
    "float gradient_scale) -> ()";

}  // namespace

TORCH_LIBRARY_FRAGMENT(moelab, library) {
  library.def((std::string("adam_step_") + adamSchema).c_str());
  library.def((std::string("adam_step_reference_") + adamSchema).c_str());
  library.def((std::string("sgd_step_") + sgdSchema).c_str());
  library.def((std::string("sgd_step_reference_") + sgdSchema).c_str());
  // Σ x² of each tensor, float64 [tensors].
  library.def("squared_norms(Tensor[] tensors) -> Tensor");
}

TORCH_LIBRARY_IMPL(moelab, CPU, library) {
  library.impl("adam_step_", adamStepOperator<true>);
  library.impl("sgd_step_", sgdStepOperator<true>);
  library.impl("squared_norms", squaredNormsOnCpu);
}

TORCH_LIBRARY_IMPL(moelab, CompositeExplicitAutograd, library) {
  library.impl("adam_step_", adamStepOperator<false>);
  library.impl("adam_step_reference_", adamStepOperator<false>);
  library.impl("sgd_step_", sgdStepOperator<false>);
  library.impl("sgd_step_reference_", sgdStepOperator<false>);
  library.impl("squared_norms", squaredNormsReference);
}

}  // namespace moelab
