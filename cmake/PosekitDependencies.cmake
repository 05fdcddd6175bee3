# Finds what posekit is built from. Nothing is downloaded: a missing package is an error that names it.

find_package(Threads REQUIRED)

macro(posekit_find name apt)
  find_package(${name} ${ARGN} QUIET)
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR "posekit needs ${name} ${ARGN}: install it (Debian and Ubuntu: apt-get install ${apt}; or ./bootstrap.sh setup) "
                        "or name its folder in CMAKE_PREFIX_PATH.")
  endif()
endmacro()

posekit_find(fmt libfmt-dev)
posekit_find(nlohmann_json nlohmann-json3-dev)
if(POSEKIT_IO)
  find_package(PosekitOpenCV REQUIRED COMPONENTS core imgproc imgcodecs)
endif()
if(POSEKIT_CLI)
  posekit_find(CLI11 libcli11-dev)
endif()
if(POSEKIT_TESTS)
  posekit_find(Catch2 catch2 3)
endif()

# The CPU wheel's config asks for nothing else. A CUDA Torch sets the CUDA standard to the C++ one, which CMake < 3.26 does not know.
if(POSEKIT_CUDA)
  set(CMAKE_CUDA_STANDARD 17)
endif()
find_package(Torch QUIET)
if(NOT Torch_FOUND)
  message(FATAL_ERROR "posekit needs LibTorch: run ./bootstrap.sh setup, or name a Torch in CMAKE_PREFIX_PATH "
                      "(python -c 'import torch; print(torch.utils.cmake_prefix_path)').")
endif()
get_filename_component(POSEKIT_TORCH_LIB_DIR "${TORCH_LIBRARY}" DIRECTORY)
