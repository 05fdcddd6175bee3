/// Torch's operators as they run: what memory they use, and how many there are.
#include "support/operators.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace posekit_test {
namespace {

std::vector<at::Tensor> tensors_in(const c10::IValue& value) {
  std::vector<at::Tensor> tensors;
  const auto add = [&](const at::Tensor& tensor) {
    if (tensor.defined() && tensor.has_storage()) tensors.push_back(tensor);
  };
  if (value.isTensor()) {
    add(value.toTensor());
  } else if (value.isList()) {
    for (const c10::IValue& element : value.toListRef()) {
      if (element.isTensor()) add(element.toTensor());
    }
  }
  return tensors;
}

/// Bytes that a tensor has, values that it repeats once.
std::size_t bytes_of(const at::Tensor& tensor) {
  auto bytes = static_cast<std::size_t>(tensor.itemsize());
  for (std::int64_t d = 0; d < tensor.dim(); ++d) {
    if (tensor.stride(d) != 0 || tensor.size(d) == 0) bytes *= static_cast<std::size_t>(tensor.size(d));
  }
  return std::min(bytes, tensor.storage().nbytes());
}

MemoryUse use_of(const at::Tensor& tensor, bool reads, bool writes) {
  const std::size_t bytes = bytes_of(tensor);
  return {.storage = tensor.storage().data(),
          .storage_bytes = tensor.storage().nbytes(),
          .bytes_read = reads ? bytes : 0,
          .bytes_written = writes ? bytes : 0};
}

bool begins_with_one_of(std::string_view name, std::initializer_list<std::string_view> beginnings) {
  return std::ranges::any_of(beginnings, [&](std::string_view beginning) { return name.starts_with(beginning); });
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

/// What an operator does, as its schema says.
enum class Kind : std::uint8_t {
  composite,  ///< It only asks for others.
  no_use,     ///< A view, or it makes memory without writing to it.
  plain
};

Kind kind_of(const c10::OperatorHandle& op) {
  using c10::DispatchKey;
  if (op.hasKernelForDispatchKey(DispatchKey::CompositeImplicitAutograd) && !op.hasKernelForDispatchKey(DispatchKey::CPU))
    return Kind::composite;
  const auto is_view = [](const c10::Argument& result) { return result.alias_info() != nullptr && !result.alias_info()->isWrite(); };
  const std::string& name = op.operator_name().name;
  if (std::ranges::any_of(op.schema().returns(), is_view) || begins_with_one_of(name, {"aten::empty", "aten::new_empty"}) ||
      is_one_of(name, {"aten::_unsafe_view", "aten::_reshape_alias", "aten::resize_", "aten::set_"}))
    return Kind::no_use;
  return Kind::plain;
}

bool waits_for_other_side(const c10::OperatorHandle& op, c10::ArrayRef<const c10::IValue> inputs) {
  if (op.operator_name().name != "aten::to") return false;
  const auto& arguments = op.schema().arguments();
  bool to_device = false;
  bool blocking = true;
  for (std::size_t i = 0; i < std::min(arguments.size(), inputs.size()); ++i) {
    if (arguments[i].name() == "device") to_device = inputs[i].isDevice();
    if (arguments[i].name() == "non_blocking") blocking = !inputs[i].toBool();
  }
  return to_device && blocking;
}

void read_inputs(const c10::OperatorHandle& op, c10::ArrayRef<const c10::IValue> inputs, std::vector<MemoryUse>& uses) {
  const std::string& name = op.operator_name().name;
  const auto& arguments = op.schema().arguments();
  const bool overwrites = is_one_of(name, {"aten::copy_", "aten::fill_", "aten::zero_"});
  for (std::size_t i = 0; i < std::min(arguments.size(), inputs.size()); ++i) {
    const bool writes = arguments[i].alias_info() != nullptr && arguments[i].alias_info()->isWrite();
    const bool reads = !writes || !(overwrites || arguments[i].is_out());
    for (const at::Tensor& tensor : tensors_in(inputs[i])) uses.push_back(use_of(tensor, reads, writes));
  }
}

void read_outputs(const c10::OperatorHandle& op, c10::ArrayRef<const c10::IValue> outputs, std::vector<MemoryUse>& uses) {
  const std::size_t inputs = uses.size();
  const auto& results = op.schema().returns();
  for (std::size_t i = 0; i < std::min(results.size(), outputs.size()); ++i) {
    if (results[i].alias_info() != nullptr) continue;  // an input
    for (const at::Tensor& tensor : tensors_in(outputs[i])) uses.push_back(use_of(tensor, false, true));
  }
  const bool gathers = is_one_of(op.operator_name().name, {"aten::index", "aten::index_select", "aten::gather", "aten::take"});
  if (gathers && inputs > 0 && uses.size() > inputs) uses[0].bytes_read = std::min(uses[0].bytes_read, uses[inputs].bytes_written);
}

/// An operator that is run by an interpreter comes with the interpreter's whole stack: its own values are the last ones.
c10::ArrayRef<const c10::IValue> own(c10::ArrayRef<const c10::IValue> stack, std::size_t count) {
  return stack.size() > count ? stack.slice(stack.size() - count) : stack;
}

/// What a callback knows of an operator that it has seen begin.
struct Begun final : at::ObserverContext {
  std::optional<c10::OperatorHandle> op;
  OperatorRun run;
  bool is_reported = false;
  int* depth = nullptr;  ///< Of operators that are reported: those within belong to them.
};

/// Torch takes plain functions: one pair for a watch of all threads, one for a watch of this thread.
template <bool all_threads>
struct Callbacks {
  using Report = const OperatorWatch::Report*;
  struct OfThread {
    int depth = 0;
    Report report = nullptr;
  };
  static OfThread& of_thread() {
    thread_local OfThread state;
    return state;
  }
  static std::atomic<Report>& of_all() {
    static std::atomic<Report> report = nullptr;
    return report;
  }
  static Report report() { return all_threads ? of_all().load() : of_thread().report; }

  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function) {
    const auto name = function.operator_name();
    if (!name || report() == nullptr) return nullptr;
    const auto op = c10::Dispatcher::singleton().findSchema(*name);
    if (!op) return nullptr;
    int& depth = of_thread().depth;
    if (depth > 0) return nullptr;
    auto begun = std::make_unique<Begun>();
    begun->op = op;
    begun->run.name = name->name;
    const Kind kind = kind_of(*op);
    const auto inputs = own(function.inputs(), op->schema().arguments().size());
    begun->run.waits_for_other_side = waits_for_other_side(*op, inputs);
    begun->is_reported = kind == Kind::plain || begun->run.waits_for_other_side;
    if (kind == Kind::plain) {
      read_inputs(*op, inputs, begun->run.uses);
      ++depth;
      begun->depth = &depth;
    }
    return begun;
  }

  static void end(const at::RecordFunction& function, at::ObserverContext* context) {
    auto* begun = static_cast<Begun*>(context);
    if (begun == nullptr) return;
    if (begun->depth != nullptr) {
      --*begun->depth;
      const c10::ArrayRef<const c10::IValue> outputs(function.outputs().data(), function.outputs().size());
      read_outputs(*begun->op, own(outputs, begun->op->schema().returns().size()), begun->run.uses);
    }
    if (const Report to = report(); begun->is_reported && to != nullptr) (*to)(begun->run);
  }

  static at::RecordFunctionCallback both() {
    return at::RecordFunctionCallback(begin, end).needsInputs(true).needsOutputs(true).scopes({at::RecordScope::FUNCTION});
  }
};

}  // namespace

OperatorWatch::OperatorWatch(Report report) : report_(std::move(report)) {
  Callbacks<true>::of_all() = &report_;
  callback_ = at::addGlobalCallback(Callbacks<true>::both());
}

OperatorWatch::~OperatorWatch() {
  at::removeCallback(callback_);
  Callbacks<true>::of_all() = nullptr;
}

OperatorCounts operators_in(const std::function<void()>& work) {
  OperatorCounts counts;
  const OperatorWatch::Report report = [&](const OperatorRun& run) {
    if (run.uses.empty()) return;
    ++counts.operators;
    for (const MemoryUse& use : run.uses) {
      counts.bytes_read += use.bytes_read;
      counts.bytes_written += use.bytes_written;
    }
  };
  struct Watched {
    explicit Watched(const OperatorWatch::Report& report) { Callbacks<false>::of_thread().report = &report; }
    ~Watched() {
      at::removeCallback(callback);
      Callbacks<false>::of_thread().report = nullptr;
    }
    at::CallbackHandle callback = at::addThreadLocalCallback(Callbacks<false>::both());
  };
  const Watched watched(report);
  work();
  return counts;
}

}  // namespace posekit_test
