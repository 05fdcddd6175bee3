# Finds what the Python package is built with: the interpreter, its headers, pybind11, and the torch that this interpreter imports.
#
# Sets PosekitTorch_HINTS to that torch's folder. The interpreter is Python_EXECUTABLE, else the one in .venv, else what CMake finds.

if(NOT Python_EXECUTABLE AND EXISTS ${PROJECT_SOURCE_DIR}/.venv/bin/python)
  set(Python_EXECUTABLE ${PROJECT_SOURCE_DIR}/.venv/bin/python CACHE FILEPATH "The Python that the package is built for")
endif()
find_package(Python 3.10 COMPONENTS Interpreter Development.Module QUIET)
if(NOT Python_FOUND)
  message(FATAL_ERROR "posekit's Python package needs Python >= 3.10 with its headers (found: '${Python_EXECUTABLE}' ${Python_VERSION}): install "
                      "them (Debian and Ubuntu: apt-get install python3-dev), name another Python (-DPython_EXECUTABLE=...), or build without "
                      "it (-DPOSEKIT_PYTHON=OFF)")
endif()

execute_process(COMMAND ${Python_EXECUTABLE} -m pybind11 --cmakedir OUTPUT_VARIABLE posekit_pybind11_dir OUTPUT_STRIP_TRAILING_WHITESPACE
                ERROR_QUIET)
set(PYBIND11_FINDPYTHON ON)
find_package(pybind11 3 QUIET CONFIG HINTS ${posekit_pybind11_dir})
if(NOT pybind11_FOUND)
  message(FATAL_ERROR "posekit's Python package needs pybind11 >= 3: ${Python_EXECUTABLE} -m pip install pybind11, or ./bootstrap.sh setup")
endif()

# -E: pip's build isolation hides the environment's packages by a variable, but torch is not to be built against a copy of its own.
execute_process(
  COMMAND ${Python_EXECUTABLE} -E -c "import importlib.util as i; s = i.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')"
  WORKING_DIRECTORY ${PROJECT_BINARY_DIR} OUTPUT_VARIABLE PosekitTorch_HINTS OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
