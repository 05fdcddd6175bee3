/// Torch's texts: which line of them a message shows.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <string>

#include "posekit/error.h"
#include "support/message_form.h"
#include "support/torch_internals.h"

using namespace posekit;

namespace {

struct Text {
  std::string torch;     ///< What Torch says.
  std::string expected;  ///< What the message has in brackets.
  ErrorCode code = ErrorCode::invalid_model;
};

/// An exception's text as Torch's interpreter passes it on.
std::string traceback(const std::string& text) {
  return "The following operation failed in the TorchScript interpreter.\nTraceback of TorchScript, serialized code (most recent call "
         "last):\n  File \"code/__torch__/net.py\", line 10, in forward\n    x: Tensor) -> Tensor:\n    _0 = torch.view(x, [7, 7])\n"
         "         ~~~~~~~~~~ <--- HERE\n    return _0\n\nTraceback of TorchScript, original code (most recent call last):\n"
         "/home/me/net.py(27): forward\n/home/me/torch/nn/modules/module.py(1789): _call_impl\n" +
         text;
}

const std::string illegal_access =
    "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be asynchronously reported at some other API call, so "
    "the stacktrace below might be incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1\nCompile with `TORCH_USE_CUDA_DSA` to "
    "enable device-side assertions.\n";
const std::string missing_kernel =
    "Could not run 'aten::empty.memory_format' with arguments from the 'CUDA' backend. This could be because the operator doesn't exist "
    "for this backend, or was omitted during the selective/custom build process (if using custom build). 'aten::empty.memory_format' is "
    "only available for these backends: [CPU, Meta].\n\nCPU: registered at /b/RegisterCPU_1.cpp:2401 [kernel]\n"
    "PythonDispatcher: registered at /b/PythonFallbackKernel.cpp:211 [backend fallback]\n";

}  // namespace

TEST_CASE("A message shows the line of Torch's text that says what happened") {
  const Text text = GENERATE(values<Text>({
      {traceback("RuntimeError: shape '[7, 7]' is invalid for input of size 192\n"), "shape '[7, 7]' is invalid for input of size 192"},
      {traceback("RuntimeError: AssertionError: too few\nsecond line\n"), "AssertionError: too few"},
      {traceback("builtins.ValueError: not: RuntimeError: this\n"), "ValueError: not: RuntimeError: this"},
      {traceback("RuntimeError: RuntimeError: Tensor on device meta is not on the expected device cpu!\n\nAt:\n  /a/b.py(931): check\n"),
       "Tensor on device meta is not on the expected device cpu!"},
      {traceback("RuntimeError: " + illegal_access), "CUDA error: an illegal memory access was encountered"},
      {illegal_access, "CUDA error: an illegal memory access was encountered"},
      {traceback("RuntimeError: CUDA error: device-side assert triggered\nCompile with `TORCH_USE_CUDA_DSA` to enable it.\n"),
       "CUDA error: device-side assert triggered"},
      {traceback("RuntimeError: " + missing_kernel), "Could not run 'aten::empty.memory_format' with arguments from the 'CUDA' backend"},
      {missing_kernel, "Could not run 'aten::empty.memory_format' with arguments from the 'CUDA' backend"},
      {traceback("RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED\n"), "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"},
      {traceback("RuntimeError: \n"), "Torch gives no reason"},
      {traceback("RuntimeError: \n\nAt:\n  /a/torch/_subclasses/fake_tensor.py(3090): dispatch\n"), "Torch gives no reason"},
      {"\n \nsecond line says it\n", "second line says it"},
      {"", "Torch gives no reason"},
      {"Expected all tensors to be on the same device, but found cpu and cuda:0!\nException raised from f at g.cpp:1\n",
       "Expected all tensors to be on the same device, but found cpu and cuda:0!"},
      {traceback("RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`\n"),
       "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", ErrorCode::out_of_memory},
      {traceback("RuntimeError: GET was unable to find an engine to execute this computation\n"),
       "GET was unable to find an engine to execute this computation", ErrorCode::out_of_memory},
      {"cuDNN error: CUDNN_STATUS_ALLOC_FAILED\n", "cuDNN error: CUDNN_STATUS_ALLOC_FAILED", ErrorCode::out_of_memory},
      {traceback("RuntimeError: [enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
                 "allocate 8 bytes. Error code 12 (Cannot allocate memory)\n"),
       "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes. Error "
       "code 12 (Cannot allocate memory)",
       ErrorCode::out_of_memory},
  }));
  CAPTURE(text.torch);
  try {
    posekit_test::throw_torch_text(text.torch);
    FAIL("no error");
  } catch (const Error& error) {
    const std::string message = error.what();
    CHECK(error.code() == text.code);
    CAPTURE(message);
    CHECK(message.find("(" + text.expected + ")") != std::string::npos);
    posekit_test::check_message_form(message, "model \"x\" failed", text.expected);
  }
}
