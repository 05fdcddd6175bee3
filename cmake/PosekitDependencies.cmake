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
  find_package(PosekitOpenCV REQUIRED COMPONENTS core imgproc imgcodecs videoio)
  find_package(PosekitCodecs REQUIRED)
endif()
if(POSEKIT_CLI)
  posekit_find(CLI11 libcli11-dev)
endif()
if(POSEKIT_TESTS)
  posekit_find(Catch2 catch2 3)
  posekit_find(benchmark libbenchmark-dev)
endif()

if(POSEKIT_PYTHON)
  include(PosekitPython)
endif()
file(GLOB venv_torch ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch) # what ./bootstrap.sh setup made
list(APPEND PosekitTorch_HINTS ${venv_torch})
find_package(PosekitTorch 2.8 QUIET)
if(NOT PosekitTorch_FOUND)
  message(FATAL_ERROR "posekit needs LibTorch 2.8 or later: run ./bootstrap.sh setup, or name a Torch in CMAKE_PREFIX_PATH "
                      "(python -c 'import torch; print(torch.utils.cmake_prefix_path)').")
endif()
