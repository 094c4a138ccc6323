#include "memory.h"

#include <ATen/ATen.h>
#include <ATen/ops/from_blob.h>

#include <cstring>
#include <iterator>
#include <mutex>

#include "errors.h"
#include "tensorTable.h"
#include "values.h"

namespace moelab {

namespace {

struct Region {
  char* data = nullptr;
  size_t bytes = 0;
};

Region regionOf(napi_env env, napi_value value) {
  Region region;
  void* data = nullptr;
  bool is = false;
  if (napi_is_arraybuffer(env, value, &is) == napi_ok && is) {
    napi_get_arraybuffer_info(env, value, &data, &region.bytes);
  } else if (napi_is_typedarray(env, value, &is) == napi_ok && is) {
    napi_typedarray_type type;
    size_t length, offset;
    napi_value buffer;
    napi_get_typedarray_info(env, value, &type, &length, &data, &buffer, &offset);
    static constexpr size_t widths[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8, 2};  // in the order of napi_typedarray_type
    if (static_cast<size_t>(type) >= std::size(widths)) throw std::invalid_argument("unknown kind of typed array");
    region.bytes = length * widths[type];
  } else if (napi_is_dataview(env, value, &is) == napi_ok && is) {
    napi_value buffer;
    size_t offset;
    napi_get_dataview_info(env, value, &region.bytes, &data, &buffer, &offset);
  } else {
    throw std::invalid_argument("expected an ArrayBuffer, typed array or DataView");
  }
  region.data = static_cast<char*>(data);
  return region;
}

/// References to buffers whose tensors are gone. The last user of a storage may let go on any thread, but references
/// belong to JavaScript's; they are deleted at the next call here.
std::mutex releasedMutex;
std::vector<napi_ref> released;

void deleteReleased(napi_env env) {
  std::vector<napi_ref> references;
  {
    std::lock_guard lock(releasedMutex);
    references.swap(released);
  }
  for (napi_ref reference : references) napi_delete_reference(env, reference);
}

int majorVersion(napi_env env) {
  const napi_node_version* version = nullptr;
  napi_get_node_version(env, &version);
  return static_cast<int>(version->major);
}

at::Tensor tensorAt(napi_env env, napi_value value) { return toTensor(env, value, "tensor"); }

}  // namespace

napi_value fromBuffer(napi_env env, napi_callback_info info) {
  return atBoundary(env, [&] {
    deleteReleased(env);
    Arguments<4> arguments(env, info);
    const Region region = regionOf(env, arguments[0]);
    const int64_t offset = toInteger(env, arguments[1], "byteOffset");
    const auto shape = toIntegers(env, arguments[2]);
    const auto dtype = toScalarType(env, arguments[3], "dtype");
    const auto width = static_cast<int64_t>(c10::elementSize(dtype));
    int64_t elements = 1;
    bool overflows = false;
    for (int64_t size : shape) {
      if (size < 0) throw std::invalid_argument("shape: sizes must not be negative");
      overflows |= __builtin_mul_overflow(elements, size, &elements);
    }
    int64_t end = 0;
    overflows |= __builtin_mul_overflow(elements, width, &end) || __builtin_add_overflow(end, offset, &end);
    if (offset < 0 || overflows || end > static_cast<int64_t>(region.bytes)) {
      throw std::invalid_argument("the shape needs " + (overflows ? "too many" : std::to_string(elements * width)) +
                                  " bytes from byte " + std::to_string(offset) + " on, but the buffer has " +
                                  std::to_string(region.bytes));
    }
    char* data = region.data + offset;
    if (elements > 0 && reinterpret_cast<uintptr_t>(data) % static_cast<size_t>(width) != 0) {
      throw std::invalid_argument("the elements start at an address that is not a multiple of their size (" +
                                  std::to_string(width) + " bytes); pass { copy: true } to copy them");
    }
    napi_ref reference;
    napi_create_reference(env, arguments[0], 1, &reference);
    auto tensor = at::from_blob(
        data, shape,
        [reference](void*) {
          std::lock_guard lock(releasedMutex);
          released.push_back(reference);
        },
        at::TensorOptions().dtype(dtype));
    napi_value result;
    napi_create_uint32(env, tensors().put(std::move(tensor)), &result);
    return result;
  });
}

napi_value toBuffer(napi_env env, napi_callback_info info) {
  return atBoundary(env, [&] {
    Arguments<1> arguments(env, info);
    at::Tensor tensor = tensorAt(env, arguments[0]);
    if (!tensor.device().is_cpu()) {
      throw std::invalid_argument("the tensor is on " + tensor.device().str() +
                                  ": its memory cannot be shared; pass { copy: true } to copy it to the CPU");
    }
    if (!tensor.is_contiguous()) {
      throw std::invalid_argument("the tensor is not contiguous: pass { copy: true }, or call contiguous() first");
    }
    const size_t bytes = tensor.nbytes();
    // Node 20 makes such a buffer through Buffer, whose limit is 4 GiB, and crashes beyond it.
    if (bytes > (4ull << 30) && majorVersion(env) < 22) {
      throw std::invalid_argument("the tensor has " + std::to_string(bytes) +
                                  " bytes; before Node 22 shared buffers are limited to 4 GiB: take slices of it");
    }
    napi_value result;
    if (bytes == 0) {
      void* data;
      napi_create_arraybuffer(env, 0, &data, &result);
      return result;
    }
    auto* owner = new at::Tensor(tensor);
    const auto status = napi_create_external_arraybuffer(
        env, tensor.data_ptr(), bytes,
        [](napi_env, void*, void* hint) { delete static_cast<at::Tensor*>(hint); }, owner, &result);
    if (status != napi_ok) {
      delete owner;
      throw std::runtime_error("this JavaScript engine does not allow buffers over native memory; pass { copy: true }");
    }
    return result;
  });
}

napi_value copyTo(napi_env env, napi_callback_info info) {
  return atBoundary(env, [&]() -> napi_value {
    Arguments<2> arguments(env, info);
    const at::Tensor tensor = tensorAt(env, arguments[0]).detach().cpu().contiguous();
    const Region region = regionOf(env, arguments[1]);
    if (region.bytes != tensor.nbytes()) {
      throw std::invalid_argument("the target has " + std::to_string(region.bytes) + " bytes, the tensor " +
                                  std::to_string(tensor.nbytes()));
    }
    if (region.bytes > 0) std::memcpy(region.data, tensor.data_ptr(), region.bytes);
    return nullptr;
  });
}

napi_value alignmentOf(napi_env env, napi_callback_info info) {
  return atBoundary(env, [&] {
    Arguments<1> arguments(env, info);
    const auto address = reinterpret_cast<uintptr_t>(regionOf(env, arguments[0]).data);
    uint32_t alignment = 4096;
    while (alignment > 1 && address % alignment != 0) alignment /= 2;
    napi_value result;
    napi_create_uint32(env, alignment, &result);
    return result;
  });
}

}  // namespace moelab
