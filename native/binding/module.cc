// The addon's exports. One JavaScript environment per process: tensors live in a table of that process.

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <node_api.h>
#include <torch/csrc/api/include/torch/version.h>

#include <atomic>
#include <cmath>
#include <cstdio>

#include "attributes.h"
#include "autocast.h"
#include "autograd.h"
#include "errors.h"
#include "hostMemory.h"
#include "interrupts.h"
#include "memory.h"
#include "operators.h"
#include "tensorTable.h"
#include "values.h"

namespace moelab {

namespace {

bool readHandle(napi_env env, napi_value value, TensorTable::Handle* handle) {
  double number;
  return napi_get_value_double(env, value, &number) == napi_ok && number >= 0 &&
         number <= UINT32_MAX && number == std::floor(number) &&
         napi_get_value_uint32(env, value, handle) == napi_ok;
}

/// release(handle)
napi_value release(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  TensorTable::Handle handle;
  if (readHandle(env, arguments[0], &handle)) tensors().release(env, handle);
  return nullptr;
}

/// track(object, handle)
napi_value track(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  TensorTable::Handle handle;
  if (readHandle(env, arguments[1], &handle)) tensors().track(env, arguments[0], handle);
  return nullptr;
}

/// sweep(all) → whether a full collection is due
napi_value sweep(napi_env env, napi_callback_info info) {
  return atBoundary(env, [&] {
    Arguments<1> arguments(env, info);
    bool all = false;
    napi_get_value_bool(env, arguments[0], &all);
    napi_value due;
    napi_get_boolean(env, tensors().sweep(env, all), &due);
    return due;
  });
}

/// collectionDue() → ArrayBuffer of one int32, 1 when a minor collection and a sweep are due
napi_value collectionDue(napi_env env, napi_callback_info) {
  static napi_ref keepAlive = nullptr;
  napi_value buffer = nullptr;
  if (keepAlive) {
    napi_get_reference_value(env, keepAlive, &buffer);
    return buffer;
  }
  void* data = nullptr;
  napi_create_arraybuffer(env, sizeof(int32_t), &data, &buffer);
  napi_create_reference(env, buffer, 1, &keepAlive);
  tensors().shareDueFlag(static_cast<int32_t*>(data));
  return buffer;
}

/// usage() → { tensors, bytes }
napi_value usage(napi_env env, napi_callback_info) {
  napi_value result, count, bytes;
  napi_create_object(env, &result);
  napi_create_int64(env, static_cast<int64_t>(tensors().liveCount()), &count);
  napi_create_int64(env, tensors().trackedBytes(), &bytes);
  napi_set_named_property(env, result, "tensors", count);
  napi_set_named_property(env, result, "bytes", bytes);
  return result;
}

napi_value manualSeed(napi_env env, napi_callback_info info) {
  return atBoundary(env, [&]() -> napi_value {
    Arguments<1> arguments(env, info);
    at::manual_seed(static_cast<uint64_t>(toInteger(env, arguments[0], "seed")));
    return nullptr;
  });
}

/// randomState(device) → a handle of the state of the device's generator
napi_value randomState(napi_env env, napi_callback_info info) {
  return atBoundary(env, [&] {
    Arguments<1> arguments(env, info);
    at::Generator generator = at::globalContext().defaultGenerator(c10::Device(toString(env, arguments[0])));
    std::lock_guard<std::mutex> lock(generator.mutex());
    return fromIValue(env, c10::IValue(generator.get_state()));
  });
}

/// setRandomState(device, handle)
napi_value setRandomState(napi_env env, napi_callback_info info) {
  return atBoundary(env, [&]() -> napi_value {
    Arguments<2> arguments(env, info);
    at::Generator generator = at::globalContext().defaultGenerator(c10::Device(toString(env, arguments[0])));
    const at::Tensor state = toTensor(env, arguments[1], "state");
    std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_state(state);
    return nullptr;
  });
}

napi_value setThreads(napi_env env, napi_callback_info info) {
  return atBoundary(env, [&]() -> napi_value {
    Arguments<1> arguments(env, info);
    const int64_t count = toInteger(env, arguments[0], "threads");
    if (count < 1 || count > 4096) {
      throw std::invalid_argument("threads: expected an integer from 1 to 4096, got " + std::to_string(count));
    }
    at::set_num_threads(static_cast<int>(count));
    return nullptr;
  });
}

/// system() → what this build of the engine is and sees
napi_value system(napi_env env, napi_callback_info) {
  return atBoundary(env, [&] {
    napi_value result, value;
    napi_create_object(env, &result);
    napi_set_named_property(env, result, "libtorch", fromString(env, TORCH_VERSION));
    napi_set_named_property(env, result, "compiler", fromString(env, __VERSION__));
    napi_get_boolean(env, at::globalContext().hasCUDA(), &value);
    napi_set_named_property(env, result, "cuda", value);
    napi_create_int32(env, at::get_num_threads(), &value);
    napi_set_named_property(env, result, "threads", value);
    napi_set_named_property(env, result, "parallelism", fromString(env, at::get_parallel_info()));
    return result;
  });
}

napi_value configure(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  setErrorClass(env, arguments[0]);
  return nullptr;
}

constexpr struct {
  const char* name;
  napi_callback function;
} kExports[] = {
    {"setErrorClass", configure},
    {"describe", describeOperator},
    {"lookUp", lookUpOperator},
    {"call", callOperator},
    {"callTracked", callOperatorTracked},
    {"callInPlace", callOperatorInPlace},
    {"listOperators", listOperators},
    {"release", release},
    {"track", track},
    {"sweep", sweep},
    {"collectionDue", collectionDue},
    {"usage", usage},
    {"sizes", sizes},
    {"strides", strides},
    {"dtype", dtype},
    {"device", device},
    {"storageOffset", storageOffset},
    {"storagePointer", storagePointer},
    {"requiresGradient", requiresGradient},
    {"setRequiresGradient", setRequiresGradient},
    {"isLeaf", isLeaf},
    {"gradient", gradient},
    {"setGradient", setGradient},
    {"gradientFunction", gradientFunction},
    {"setData", setData},
    {"backward", backward},
    {"gradients", gradients},
    {"setGradientEnabled", setGradientEnabled},
    {"isGradientEnabled", isGradientEnabled},
    {"setAutocast", setAutocast},
    {"attachFunction", attachFunction},
    {"attachRecomputation", attachRecomputation},
    {"offerRecomputed", offerRecomputed},
    {"fromBuffer", fromBuffer},
    {"toBuffer", toBuffer},
    {"copyTo", copyTo},
    {"alignmentOf", alignmentOf},
    {"manualSeed", manualSeed},
    {"randomState", randomState},
    {"setRandomState", setRandomState},
    {"setThreads", setThreads},
    {"watchForInterrupts", watchForInterrupts},
    {"system", system},
};

napi_value initialize(napi_env env, napi_value exports) {
  static std::atomic<bool> loaded = false;
  if (loaded.exchange(true)) {
    napi_throw_error(env, "ENVIRONMENT",
                     "moelab's engine is loaded in this process already and belongs to the thread that loaded it; "
                     "use it there, or start another process");
    return nullptr;
  }
  // Native output goes to a pipe in a notebook; without this it would appear only when 4 KiB have come together.
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  manageHostMemory();
  for (const auto& entry : kExports) {
    napi_value function;
    napi_create_function(env, entry.name, NAPI_AUTO_LENGTH, entry.function, nullptr, &function);
    napi_set_named_property(env, exports, entry.name, function);
  }
  return exports;
}

}  // namespace

}  // namespace moelab

NAPI_MODULE_INIT() { return moelab::initialize(env, exports); }
