#include "errors.h"

#include <c10/util/Exception.h>

#include <new>
#include <stdexcept>

#include "../moe/interruption.h"
#include "values.h"

namespace moelab {

namespace {

napi_ref errorClassReference = nullptr;

struct Description {
  std::string code;
  std::string message;
};

Description outOfMemory(const std::string& detail) {
  return {"OUT_OF_MEMORY",
          "out of memory: " + detail +
              "\n  Free tensors (dispose, tidy), use a smaller batch or a smaller dtype, then run the cell again."};
}

Description describeTorchError(const char* code, const c10::Error& error) {
  const std::string message = error.what_without_backtrace();
  if (message.find("can't allocate memory") != std::string::npos) {
    const auto start = message.find("you tried to allocate");
    return outOfMemory(start == std::string::npos ? message : message.substr(start));
  }
  return {code, message};
}

Description describeCurrentException() {
  try {
    throw;
  } catch (const Interrupted& error) {
    return {"INTERRUPTED", error.what()};
  } catch (const c10::OutOfMemoryError& error) {
    return outOfMemory(error.what_without_backtrace());
  } catch (const c10::IndexError& error) {
    return describeTorchError("INDEX", error);
  } catch (const c10::ValueError& error) {
    return describeTorchError("VALUE", error);
  } catch (const c10::TypeError& error) {
    return describeTorchError("TYPE", error);
  } catch (const c10::NotImplementedError& error) {
    return describeTorchError("NOT_IMPLEMENTED", error);
  } catch (const c10::Error& error) {
    return describeTorchError("TORCH", error);
  } catch (const std::bad_alloc&) {
    return outOfMemory("the allocation was refused by the system.");
  } catch (const std::invalid_argument& error) {
    return {"ARGUMENT", error.what()};
  } catch (const std::exception& error) {
    return {"NATIVE", error.what()};
  } catch (...) {
    return {"NATIVE", "unknown native error"};
  }
}

}  // namespace

void setErrorClass(napi_env env, napi_value errorClass) {
  napi_create_reference(env, errorClass, 1, &errorClassReference);
}

void raiseCurrentException(napi_env env, const std::string& operatorName, const std::function<std::string()>& context) {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending) return;  // thrown by JavaScript on the way here: it is the cause

  Description description = describeCurrentException();
  if (!operatorName.empty()) description.message = operatorName + ": " + description.message;
  if (context) {
    try {
      description.message += "\n" + context();
    } catch (...) {
      // A getter of the user's that throws: the operator's own error matters more.
      napi_value ignored;
      napi_get_and_clear_last_exception(env, &ignored);
    }
  }

  napi_value errorClass = nullptr;
  if (errorClassReference) napi_get_reference_value(env, errorClassReference, &errorClass);
  napi_value error = nullptr;
  if (errorClass) {
    napi_value arguments[] = {fromString(env, description.message), fromString(env, description.code),
                              fromString(env, operatorName)};
    if (napi_new_instance(env, errorClass, 3, arguments, &error) == napi_ok) {
      napi_throw(env, error);
      return;
    }
  }
  napi_throw_error(env, description.code.c_str(), description.message.c_str());
}

}  // namespace moelab
