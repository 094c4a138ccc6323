#include "groupedProduct.cuh"

namespace moelab::cuda {

MOELAB_GROUPED_PRODUCTS(, Float16)

}  // namespace moelab::cuda
