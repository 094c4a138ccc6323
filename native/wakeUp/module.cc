// Wakes a thread that waits in a system call: a small addon of its own, since notebooks need it without the engine.

#include <fcntl.h>
#include <node_api.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

namespace {

napi_value boolean(napi_env env, bool value) {
  napi_value result;
  napi_get_boolean(env, value, &result);
  return result;
}

/// interruptCall(thread) → whether the signal was sent. The system call in which the thread of this process waits ends
/// with EINTR: the signal's handler does nothing, and without SA_RESTART the call is not taken up again.
napi_value interruptCall(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  int32_t thread;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  if (count < 1 || napi_get_value_int32(env, argument, &thread) != napi_ok) {
    napi_throw_type_error(env, "ARGUMENT", "interruptCall: expected a thread's number");
    return nullptr;
  }
#if defined(__linux__)
  // A real-time signal, since every other one has a meaning to somebody; Node, V8 and libc use none near the end.
  const int signal = SIGRTMAX - 3;
  struct sigaction action {};
  action.sa_handler = [](int) {};
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
  return boolean(env, syscall(SYS_tgkill, getpid(), thread, signal) == 0);
#else
  return boolean(env, false);
#endif
}

/// setBlocking(descriptor, whether) → what it was before; false for no descriptor.
napi_value setBlocking(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  int32_t descriptor;
  bool blocking;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  if (count < 2 || napi_get_value_int32(env, arguments[0], &descriptor) != napi_ok ||
      napi_get_value_bool(env, arguments[1], &blocking) != napi_ok) {
    napi_throw_type_error(env, "ARGUMENT", "setBlocking: expected a descriptor and a boolean");
    return nullptr;
  }
  const int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0) return boolean(env, false);
  fcntl(descriptor, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
  return boolean(env, !(flags & O_NONBLOCK));
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "interruptCall", NAPI_AUTO_LENGTH, interruptCall, nullptr, &function);
  napi_set_named_property(env, exports, "interruptCall", function);
  napi_create_function(env, "setBlocking", NAPI_AUTO_LENGTH, setBlocking, nullptr, &function);
  napi_set_named_property(env, exports, "setBlocking", function);
  return exports;
}
