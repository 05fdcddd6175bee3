/// Turns what Torch throws into posekit's errors.
#include "torch/errors.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <iterator>
#include <string_view>

namespace posekit::inline v0 {
namespace {

/// The line of a message that says what happened: of a TorchScript traceback the last one, else the first.
std::string essence(std::string_view message) {
  while (!message.empty() && (message.back() == '\n' || message.back() == ' ')) message.remove_suffix(1);
  const bool traceback = message.find("Traceback of TorchScript") != std::string_view::npos;
  if (traceback) return std::string(message.substr(message.rfind('\n') + 1));
  return std::string(message.substr(0, message.find('\n')));
}

/// The operator's name in "Unknown builtin op: torchvision::nms." or "Unknown builtin op: aten::foo"; empty for other messages.
std::string missing_operator(std::string_view message) {
  constexpr std::string_view begin = "Unknown builtin op: ";
  const std::size_t at = message.find(begin);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = message.substr(at + begin.size());
  return std::string(rest.substr(0, rest.find_first_of(". \n")));
}

/// Torch's interpreter turns every exception into one type, so only the text shows it.
bool means_lack_of_memory(std::string_view message) {
  constexpr std::string_view signs[] = {"out of memory", "not enough memory", "can't allocate memory", "std::bad_alloc"};
  return std::any_of(std::begin(signs), std::end(signs),
                     [&](std::string_view sign) { return message.find(sign) != std::string_view::npos; });
}

const char* remedy_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_model: return "check the model and its metadata, or export it again";
    case ErrorCode::device_unavailable: return "see nvidia-smi, or use another device";
    case ErrorCode::invalid_argument: return "check the arguments";
    default: return "report this";
  }
}

Error translate_message(const std::string& what, std::string_view message, ErrorCode fallback) {
  const std::string name = missing_operator(message);
  if (!name.empty()) {
    return {ErrorCode::unsupported_model, what + ": it needs the operator \"" + name +
                                              "\", which is not in Torch itself: export the model without it (posekit does NMS itself)"};
  }
  if (means_lack_of_memory(message)) {
    return {ErrorCode::out_of_memory,
            what + ": host memory ran out (" + essence(message) + "): use a smaller batch or model, or another precision"};
  }
  return {fallback, what + " (" + essence(message) + "): " + remedy_of(fallback)};
}

}  // namespace

Error translate_current_exception(const std::string& what, ErrorCode fallback) {
  try {
    throw;
  } catch (const c10::OutOfMemoryError& error) {
    return {ErrorCode::out_of_memory,
            what + ": device memory ran out (" + essence(error.what_without_backtrace()) + "): use a smaller batch or model"};
  } catch (const c10::Error& error) {
    return translate_message(what, error.what_without_backtrace(), fallback);
  } catch (const std::exception& error) {
    return translate_message(what, error.what(), fallback);
  } catch (...) {
    return {ErrorCode::internal, what + " (an exception of unknown type was thrown): report this"};
  }
}

}  // namespace posekit::inline v0
