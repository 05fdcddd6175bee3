/// Turns what Torch throws into posekit's errors.
#include "torch/errors.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

namespace posekit::inline v0 {
namespace {

constexpr std::string_view error_mark = "Error: ";

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

/// Whether a line begins with an exception's name, as in "RuntimeError: text" and "builtins.ValueError: text".
bool begins_an_error(std::string_view line) {
  const std::size_t at = line.find(error_mark);
  return at != std::string_view::npos && line.substr(0, at).find_first_of(" \"'`[") == std::string_view::npos;
}

/// What follows a TorchScript traceback: from the line that begins the error; all of the message where there is none.
std::string_view behind_traceback(std::string_view message) {
  const std::size_t traceback = message.find("Traceback of TorchScript");
  if (traceback == std::string_view::npos) return message;
  for (std::size_t end = message.find('\n', traceback); end != std::string_view::npos; end = message.find('\n', end + 1)) {
    const std::string_view rest = message.substr(end + 1);
    if (begins_an_error(first_line(rest))) return rest;
  }
  return message;
}

/// The line of a message that says what happened. Torch puts hints, registrations and stacks behind it, the interpreter code before it.
std::string essence(std::string_view message) {
  constexpr std::string_view python_stack = "At:";
  constexpr std::string_view guesses = ". This could be because ";
  message = behind_traceback(message);
  for (bool found = true; found;) {  // the interpreter's own wrapping, perhaps twice
    found = false;
    for (const std::string_view wrapping : {std::string_view("builtins."), std::string_view("RuntimeError: ")}) {
      if (!message.starts_with(wrapping)) continue;
      message.remove_prefix(wrapping.size());
      found = true;
    }
  }
  message.remove_prefix(std::min(message.find_first_not_of(" \n"), message.size()));
  std::string_view line = first_line(message);
  line = line.substr(0, line.find(guesses));
  if (line.empty() || line == python_stack) return "Torch gives no reason";
  return std::string(line);
}

/// The operator's name in "Unknown builtin op: torchvision::nms." or "Unknown builtin op: aten::foo"; empty for other messages.
std::string missing_operator(std::string_view message) {
  constexpr std::string_view begin = "Unknown builtin op: ";
  const std::size_t at = message.find(begin);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = message.substr(at + begin.size());
  return std::string(rest.substr(0, rest.find_first_of(". \n")));
}

/// What cuDNN says where it has no memory to try its ways.
constexpr std::string_view no_engine = "unable to find an engine";

/// Torch's interpreter turns every exception into one type, so only the text shows it.
bool means_lack_of_memory(std::string_view message) {
  constexpr std::string_view signs[] = {"out of memory",  "not enough memory",          "can't allocate memory",
                                        "std::bad_alloc", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED",
                                        no_engine};
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
    constexpr std::array marks{std::string_view("CUDA"), std::string_view("CUDNN"), std::string_view("CUBLAS"), no_engine};
    const bool on_device = std::ranges::any_of(marks, [&](std::string_view mark) { return message.find(mark) != std::string_view::npos; });
    return {ErrorCode::out_of_memory, what + (on_device ? ": device memory ran out (" : ": host memory ran out (") + essence(message) +
                                          "): use a smaller batch or model, or another precision"};
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
