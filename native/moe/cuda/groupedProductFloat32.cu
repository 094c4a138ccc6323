#include "groupedProduct.cuh"

namespace moelab::cuda {

MOELAB_GROUPED_PRODUCTS(, float)

}  // namespace moelab::cuda
