// Groups of ranks and their collectives as the dispatcher knows them.

#include <ATen/Functions.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <mutex>
#include <numeric>
#include <sstream>
#include <unordered_map>

#include "../moe/interruption.h"
#include "collectives.h"
#include "connecting.h"
#include "group.h"

namespace moelab::dist {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Groups and listeners, by number.

template <typename T>
class Registry {
 public:
  explicit Registry(const char* what) : what_(what) {}
  int64_t add(std::shared_ptr<T> value) {
    const std::lock_guard lock(mutex_);
    values_[++last_] = std::move(value);
    return last_;
  }
  std::shared_ptr<T> get(int64_t number) {
    const std::lock_guard lock(mutex_);
    const auto found = values_.find(number);
    TORCH_CHECK_VALUE(found != values_.end(), what_, " ", number, " does not exist (any more)");
    return found->second;
  }
  std::shared_ptr<T> take(int64_t number) {
    auto value = get(number);
    const std::lock_guard lock(mutex_);
    values_.erase(number);
    return value;
  }

 private:
  const char* what_;
  std::mutex mutex_;
  std::unordered_map<int64_t, std::shared_ptr<T>> values_;
  int64_t last_ = 0;
};

// Never destroyed: at exit their threads may still be at work.
Registry<Group>& groups() {
  static auto& registry = *new Registry<Group>("group");
  return registry;
}
Registry<Listener>& listeners() {
  static auto& registry = *new Registry<Listener>("listener");
  return registry;
}

/// What goes wrong between ranks, as the dispatcher's users get it.
template <typename F>
auto translated(const F& body) {
  try {
    return body();
  } catch (const GroupError& fault) {
    TORCH_CHECK_WITH(DistBackendError, false, fault.what());
  }
}

std::tuple<int64_t, int64_t> listen(c10::string_view host) {
  return translated([&] {
    auto listener = std::make_shared<Listener>(std::string(host));
    const int64_t port = listener->port();
    return std::tuple(listeners().add(std::move(listener)), port);
  });
}

int64_t connect(c10::string_view name, int64_t rank, at::IntArrayRef members, c10::string_view addresses,
                int64_t listener, c10::string_view token, double connectTimeout, double timeout) {
  std::vector<std::string> list;
  std::istringstream words{std::string(addresses)};
  for (std::string each; words >> each;) list.push_back(each);
  TORCH_CHECK_VALUE(list.size() == members.size() && !list.empty(), "addresses: expected one for each of the ",
                    members.size(), " members, got ", list.size());
  TORCH_CHECK_VALUE(rank >= 0 && rank < static_cast<int64_t>(list.size()), "rank: expected 0 to ", list.size() - 1,
                    ", got ", rank);
  TORCH_CHECK_VALUE(connectTimeout > 0 && timeout > 0, "timeouts: expected seconds above 0, got ", connectTimeout, " and ",
                    timeout);
  const auto milliseconds = [](double s) { return std::chrono::milliseconds(static_cast<int64_t>(std::min(s, 1e9) * 1000)); };
  return translated([&] {
    const std::vector<int> called(members.begin(), members.end());
    auto peers = connectPeers(static_cast<int>(rank), called, list, *listeners().take(listener), std::string(token),
                              milliseconds(connectTimeout), throwIfInterrupted);
    return groups().add(std::make_shared<Group>(std::string(name), static_cast<int>(rank), called, std::move(peers),
                                                milliseconds(timeout)));
  });
}

void close(int64_t group, c10::string_view reason) { groups().take(group)->abandon(std::string(reason)); }

/// messages, bytes, collectives, nanoseconds communicating, nanoseconds waiting
std::vector<int64_t> traffic(int64_t group) {
  const auto found = groups().get(group);
  const Traffic& seen = found->traffic();
  return {seen.messages, seen.bytes, seen.collectives, seen.communicating, seen.waiting};
}

// Arguments.

ElementType elementType(const at::Tensor& x) {
  switch (x.scalar_type()) {
    case at::kDouble: return ElementType::float64;
    case at::kFloat: return ElementType::float32;
    case at::kBFloat16: return ElementType::bfloat16;
    case at::kHalf: return ElementType::float16;
    case at::kLong: return ElementType::int64;
    case at::kInt: return ElementType::int32;
    case at::kByte: return ElementType::uint8;
    default:
      TORCH_CHECK_TYPE(false, "expected float64, float32, bfloat16, float16, int64, int32 or uint8, got ", x.scalar_type());
  }
}

ReduceOp reduceOp(c10::string_view op, const at::Tensor& x) {
  if (op == "sum") return ReduceOp::sum;
  if (op == "max") return ReduceOp::max;
  if (op == "min") return ReduceOp::min;
  TORCH_CHECK_VALUE(op == "mean", "op: expected \"sum\", \"mean\", \"max\" or \"min\", got \"", op, "\"");
  TORCH_CHECK_TYPE(at::isFloatingType(x.scalar_type()), "op: the mean of ", x.scalar_type(), " is not one; sum them");
  return ReduceOp::mean;
}

/// Row counts per rank, checked to have one for each rank and, if `total` is given, to add up to it.
std::vector<size_t> perRank(const char* name, at::IntArrayRef rows, const Group& group, int64_t total = -1) {
  TORCH_CHECK_VALUE(static_cast<int>(rows.size()) == group.size(), name, ": expected a number for each of the ",
                    group.size(), " ranks, got ", rows.size());
  int64_t sum = 0;
  for (const int64_t each : rows) {
    TORCH_CHECK_VALUE(each >= 0, name, ": expected numbers from 0, got ", each);
    sum += each;
  }
  TORCH_CHECK_VALUE(total < 0 || sum == total, name, ": expected numbers that add up to the ", total, " rows of x, got ",
                    sum);
  return {rows.begin(), rows.end()};
}

std::vector<size_t> times(std::vector<size_t> counts, size_t factor) {
  for (size_t& each : counts) each *= factor;
  return counts;
}

at::Tensor withRows(const at::Tensor& x, int64_t rows) {
  TORCH_CHECK_VALUE(x.dim() > 0, "x: expected at least one dimension");
  auto shape = x.sizes().vec();
  shape[0] = rows;
  return at::empty(shape, x.options());
}

int64_t rowElements(const at::Tensor& x) {
  int64_t elements = 1;
  for (int64_t at = 1; at < x.dim(); ++at) elements *= x.size(at);
  return elements;
}

// Collectives: what to run, and the tensor it fills. The bodies hold what they refer to.

struct Planned {
  std::shared_ptr<Group> group;
  Operation operation;
  Group::Body body;
  at::Tensor out;
};

Planned planAllReduce(const at::Tensor& x, c10::string_view op, int64_t group) {
  TORCH_CHECK_VALUE(x.is_contiguous(), "x: expected contiguous memory, which is changed in place");
  const auto type = elementType(x);
  return {groups().get(group), Operation::allReduce,
          [x, type, op = reduceOp(op, x)](Group& g) { allReduce(g, x.mutable_data_ptr(), x.numel(), type, op); }, x};
}

Planned planAllGather(const at::Tensor& x, at::IntArrayRef rows, int64_t group) {
  const auto found = groups().get(group);
  const auto counts = perRank("rows", rows, *found);
  at::Tensor out = withRows(x, std::accumulate(rows.begin(), rows.end(), int64_t{0}));
  TORCH_CHECK_VALUE(x.size(0) == rows[found->rank()], "rows: expected ", x.size(0), " for this rank's x, got ",
                    rows[found->rank()]);
  const auto bytes = times(counts, rowElements(x) * x.element_size());
  return {found, Operation::allGather,
          [x = x.contiguous(), out, bytes](Group& g) { allGather(g, x.const_data_ptr(), out.mutable_data_ptr(), bytes); },
          out};
}

Planned planReduceScatter(const at::Tensor& x, at::IntArrayRef rows, c10::string_view op, int64_t group) {
  const auto found = groups().get(group);
  TORCH_CHECK_VALUE(x.dim() > 0, "x: expected at least one dimension");
  const auto elements = times(perRank("rows", rows, *found, x.size(0)), rowElements(x));
  const auto type = elementType(x);
  at::Tensor out = withRows(x, rows[found->rank()]);
  return {found, Operation::reduceScatter,
          [x = x.contiguous(), out, elements, type, op = reduceOp(op, x)](Group& g) {
            reduceScatter(g, x.const_data_ptr(), out.mutable_data_ptr(), elements, type, op);
          },
          out};
}

Planned planAllToAll(const at::Tensor& x, at::IntArrayRef send, at::IntArrayRef receive, int64_t group) {
  const auto found = groups().get(group);
  TORCH_CHECK_VALUE(x.dim() > 0, "x: expected at least one dimension");
  const size_t width = rowElements(x) * x.element_size();
  const auto sendBytes = times(perRank("send", send, *found, x.size(0)), width);
  const auto receiveBytes = times(perRank("receive", receive, *found), width);
  at::Tensor out = withRows(x, std::accumulate(receive.begin(), receive.end(), int64_t{0}));
  TORCH_CHECK_VALUE(send[found->rank()] == receive[found->rank()], "send and receive: this rank sends itself ",
                    send[found->rank()], " rows and receives ", receive[found->rank()]);
  return {found, Operation::allToAll,
          [x = x.contiguous(), out, sendBytes, receiveBytes](Group& g) {
            allToAll(g, x.const_data_ptr(), sendBytes, out.mutable_data_ptr(), receiveBytes);
          },
          out};
}

at::Tensor run(const Planned& planned) {
  translated([&] { planned.group->run(planned.operation, planned.body, throwIfInterrupted); });
  return planned.out;
}

std::tuple<at::Tensor, int64_t> start(Planned planned) {
  const auto job = planned.group->start(planned.operation, std::move(planned.body));
  return {planned.out, static_cast<int64_t>(job)};
}

at::Tensor& allReduceInPlace(at::Tensor& x, c10::string_view op, int64_t group) {
  run(planAllReduce(x, op, group));
  return x;
}

at::Tensor allReduceForward(const at::Tensor& x, c10::string_view op, int64_t group) {
  return run(planAllReduce(x.clone(at::MemoryFormat::Contiguous), op, group));
}

at::Tensor allGatherForward(const at::Tensor& x, at::IntArrayRef rows, int64_t group) {
  return run(planAllGather(x, rows, group));
}

at::Tensor reduceScatterForward(const at::Tensor& x, at::IntArrayRef rows, c10::string_view op, int64_t group) {
  return run(planReduceScatter(x, rows, op, group));
}

at::Tensor allToAllForward(const at::Tensor& x, at::IntArrayRef send, at::IntArrayRef receive, int64_t group) {
  return run(planAllToAll(x, send, receive, group));
}

at::Tensor copyToGroupForward(const at::Tensor& x, int64_t) { return x.alias(); }

at::Tensor& broadcastInPlace(at::Tensor& x, int64_t root, int64_t group) {
  const auto found = groups().get(group);
  TORCH_CHECK_VALUE(root >= 0 && root < found->size(), "root: expected 0 to ", found->size() - 1, ", got ", root);
  TORCH_CHECK_VALUE(x.is_contiguous(), "x: expected contiguous memory, which is changed in place");
  run({found, Operation::broadcast,
       [x, root](Group& g) { broadcast(g, x.mutable_data_ptr(), x.nbytes(), static_cast<int>(root)); }, x});
  return x;
}

int64_t startAllReduceInPlace(const at::Tensor& x, c10::string_view op, int64_t group) {
  return std::get<1>(start(planAllReduce(x, op, group)));
}

std::tuple<at::Tensor, int64_t> startAllGather(const at::Tensor& x, at::IntArrayRef rows, int64_t group) {
  return start(planAllGather(x, rows, group));
}

std::tuple<at::Tensor, int64_t> startReduceScatter(const at::Tensor& x, at::IntArrayRef rows, c10::string_view op,
                                                   int64_t group) {
  return start(planReduceScatter(x, rows, op, group));
}

std::tuple<at::Tensor, int64_t> startAllToAll(const at::Tensor& x, at::IntArrayRef send, at::IntArrayRef receive,
                                              int64_t group) {
  return start(planAllToAll(x, send, receive, group));
}

void runBarrier(int64_t group) { run({groups().get(group), Operation::barrier, barrier, {}}); }

void waitFor(int64_t group, int64_t job) {
  translated([&] { groups().get(group)->wait(job, throwIfInterrupted); });
}

bool isFinished(int64_t group, int64_t job) { return groups().get(group)->finished(job); }

// Gradients, for the sum of the ranks' losses.

class AllReduceFunction : public torch::autograd::Function<AllReduceFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const std::string& op, int64_t group) {
    TORCH_CHECK_VALUE(op == "sum" || op == "mean", "all_reduce: the ", op, " has no gradient here; detach x");
    context->saved_data["op"] = op;
    context->saved_data["group"] = group;
    return allReduceForward(x, op, group);
  }
  static variable_list backward(AutogradContext* context, variable_list grads) {
    return {allReduceForward(grads[0], context->saved_data["op"].toStringRef(), context->saved_data["group"].toInt()),
            at::Tensor(), at::Tensor()};
  }
};

class AllGatherFunction : public torch::autograd::Function<AllGatherFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, std::vector<int64_t> rows, int64_t group) {
    context->saved_data["rows"] = rows;
    context->saved_data["group"] = group;
    return allGatherForward(x, rows, group);
  }
  static variable_list backward(AutogradContext* context, variable_list grads) {
    return {reduceScatterForward(grads[0], context->saved_data["rows"].toIntVector(), "sum",
                                 context->saved_data["group"].toInt()),
            at::Tensor(), at::Tensor()};
  }
};

class ReduceScatterFunction : public torch::autograd::Function<ReduceScatterFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, std::vector<int64_t> rows,
                            const std::string& op, int64_t group) {
    TORCH_CHECK_VALUE(op == "sum" || op == "mean", "reduce_scatter: the ", op, " has no gradient here; detach x");
    context->saved_data["rows"] = rows;
    context->saved_data["mean"] = op == "mean";
    context->saved_data["group"] = group;
    return reduceScatterForward(x, rows, op, group);
  }
  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto rows = context->saved_data["rows"].toIntVector();
    at::Tensor grad = allGatherForward(grads[0], rows, context->saved_data["group"].toInt());
    if (context->saved_data["mean"].toBool()) grad.div_(static_cast<double>(rows.size()));
    return {grad, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

class AllToAllFunction : public torch::autograd::Function<AllToAllFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, std::vector<int64_t> send,
                            std::vector<int64_t> receive, int64_t group) {
    context->saved_data["send"] = send;
    context->saved_data["receive"] = receive;
    context->saved_data["group"] = group;
    return allToAllForward(x, send, receive, group);
  }
  static variable_list backward(AutogradContext* context, variable_list grads) {
    return {allToAllForward(grads[0], context->saved_data["receive"].toIntVector(),
                            context->saved_data["send"].toIntVector(), context->saved_data["group"].toInt()),
            at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

class CopyToGroupFunction : public torch::autograd::Function<CopyToGroupFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, int64_t group) {
    context->saved_data["group"] = group;
    return x.view_as(x);
  }
  static variable_list backward(AutogradContext* context, variable_list grads) {
    return {allReduceForward(grads[0], "sum", context->saved_data["group"].toInt()), at::Tensor()};
  }
};

class ReduceFromGroupFunction : public torch::autograd::Function<ReduceFromGroupFunction> {
 public:
  static at::Tensor forward(AutogradContext*, const at::Tensor& x, int64_t group) {
    return allReduceForward(x, "sum", group);
  }
  static variable_list backward(AutogradContext*, variable_list grads) { return {grads[0], at::Tensor()}; }
};

/// Without anything to record, the plain collective.
template <typename Plain, typename Recorded>
at::Tensor recorded(const at::Tensor& x, const Plain& plain, const Recorded& withGradient) {
  if (at::GradMode::is_enabled() && x.requires_grad()) return withGradient();
  const at::AutoDispatchBelowADInplaceOrView below;
  return plain();
}

at::Tensor allReduceWithGradient(const at::Tensor& x, c10::string_view op, int64_t group) {
  return recorded(
      x, [&] { return allReduceForward(x, op, group); },
      [&] { return AllReduceFunction::apply(x, std::string(op), group); });
}
at::Tensor allGatherWithGradient(const at::Tensor& x, at::IntArrayRef rows, int64_t group) {
  return recorded(
      x, [&] { return allGatherForward(x, rows, group); },
      [&] { return AllGatherFunction::apply(x, rows.vec(), group); });
}
at::Tensor reduceScatterWithGradient(const at::Tensor& x, at::IntArrayRef rows, c10::string_view op, int64_t group) {
  return recorded(
      x, [&] { return reduceScatterForward(x, rows, op, group); },
      [&] { return ReduceScatterFunction::apply(x, rows.vec(), std::string(op), group); });
}
at::Tensor allToAllWithGradient(const at::Tensor& x, at::IntArrayRef send, at::IntArrayRef receive, int64_t group) {
  return recorded(
      x, [&] { return allToAllForward(x, send, receive, group); },
      [&] { return AllToAllFunction::apply(x, send.vec(), receive.vec(), group); });
}
at::Tensor copyToGroupWithGradient(const at::Tensor& x, int64_t group) {
  return recorded(
      x, [&] { return copyToGroupForward(x, group); }, [&] { return CopyToGroupFunction::apply(x, group); });
}
at::Tensor reduceFromGroupForward(const at::Tensor& x, int64_t group) { return allReduceForward(x, "sum", group); }
at::Tensor reduceFromGroupWithGradient(const at::Tensor& x, int64_t group) {
  return recorded(
      x, [&] { return reduceFromGroupForward(x, group); }, [&] { return ReduceFromGroupFunction::apply(x, group); });
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(moelab, library) {
  // Groups. A group's ranks each listen, learn one another's "host:port" (separated by blanks) and connect.
  library.def("dist_listen(str host) -> (int listener, int port)", listen);
  library.def(
      "dist_connect(str name, int rank, int[] members, str addresses, int listener, str token, float connect_timeout, "
      "float timeout) -> int",
      connect);
  library.def("dist_close(int group, str reason) -> ()", close);
  library.def("dist_traffic(int group) -> int[]", traffic);
  library.def("dist_barrier(int group) -> ()", runBarrier);

  // Collectives. x: [rows, …]; rows, send, receive: rows per rank of the group.
  library.def("all_reduce(Tensor x, str op, int group) -> Tensor");
  library.def("all_reduce_(Tensor(a!) x, str op, int group) -> Tensor(a!)");
  library.def("all_gather(Tensor x, int[] rows, int group) -> Tensor");
  library.def("reduce_scatter(Tensor x, int[] rows, str op, int group) -> Tensor");
  library.def("all_to_all(Tensor x, int[] send, int[] receive, int group) -> Tensor");
  library.def("broadcast_(Tensor(a!) x, int root, int group) -> Tensor(a!)");
  // Identity, whose gradient is summed over the group; the sum over the group, whose gradient is passed on (Megatron-LM's f and g).
  library.def("copy_to_group(Tensor x, int group) -> Tensor");
  library.def("reduce_from_group(Tensor x, int group) -> Tensor");

  // The same in the background, without gradients: results hold once dist_wait has returned.
  // This one fills x itself, unsaid by its schema: it would have to return x for that, where the job's number stands.
  library.def("start_all_reduce(Tensor x, str op, int group) -> int");
  library.def("start_all_gather(Tensor x, int[] rows, int group) -> (Tensor, int)");
  library.def("start_reduce_scatter(Tensor x, int[] rows, str op, int group) -> (Tensor, int)");
  library.def("start_all_to_all(Tensor x, int[] send, int[] receive, int group) -> (Tensor, int)");
  library.def("dist_wait(int group, int job) -> ()", waitFor);
  library.def("dist_finished(int group, int job) -> bool", isFinished);
}

TORCH_LIBRARY_IMPL(moelab, CPU, library) {
  library.impl("all_reduce", allReduceForward);
  library.impl("all_reduce_", allReduceInPlace);
  library.impl("all_gather", allGatherForward);
  library.impl("reduce_scatter", reduceScatterForward);
  library.impl("all_to_all", allToAllForward);
  library.impl("broadcast_", broadcastInPlace);
  library.impl("copy_to_group", copyToGroupForward);
  library.impl("reduce_from_group", reduceFromGroupForward);
  library.impl("start_all_reduce", startAllReduceInPlace);
  library.impl("start_all_gather", startAllGather);
  library.impl("start_reduce_scatter", startReduceScatter);
  library.impl("start_all_to_all", startAllToAll);
}

TORCH_LIBRARY_IMPL(moelab, AutogradCPU, library) {
  library.impl("all_reduce", allReduceWithGradient);
  library.impl("all_gather", allGatherWithGradient);
  library.impl("reduce_scatter", reduceScatterWithGradient);
  library.impl("all_to_all", allToAllWithGradient);
  library.impl("copy_to_group", copyToGroupWithGradient);
  library.impl("reduce_from_group", reduceFromGroupWithGradient);
  // In place and without gradients: nothing to record.
  for (const char* name : {"all_reduce_", "broadcast_", "start_all_reduce", "start_all_gather", "start_reduce_scatter",
                           "start_all_to_all"}) {
    library.impl(name, torch::CppFunction::makeFallthrough());
  }
}

}  // namespace moelab::dist
