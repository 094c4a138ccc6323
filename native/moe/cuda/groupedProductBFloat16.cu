#include "groupedProduct.cuh"

namespace moelab::cuda {

MOELAB_GROUPED_PRODUCTS(, BFloat16)

}  // namespace moelab::cuda
