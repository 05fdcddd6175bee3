# Finds LibTorch by its own CMake config; a CUDA build of it for use on the CPU alone without that config.
#
# Torch's config of a CUDA build stops where there is no CUDA toolkit, though nothing of CUDA is wanted (POSEKIT_CUDA off): then the targets
# are made here, of libtorch_cpu and libc10. Looks into CMAKE_PREFIX_PATH, Torch_DIR and PosekitTorch_HINTS (folders of LibTorch).
#
# Defines the imported targets torch, torch_library and c10 (and c10_cuda with POSEKIT_CUDA), PosekitTorch_FOUND, PosekitTorch_VERSION and
# PosekitTorch_LIBRARY_DIR. Installed beside the package config, for consumers of the static library.

set(_posekit_torch_folders "")
string(REPLACE ":" ";" _posekit_torch_environment "$ENV{CMAKE_PREFIX_PATH}")
foreach(folder IN LISTS CMAKE_PREFIX_PATH Torch_ROOT _posekit_torch_environment)
  list(APPEND _posekit_torch_folders ${folder} ${folder}/../..)
endforeach()
if(Torch_DIR)
  list(APPEND _posekit_torch_folders ${Torch_DIR}/../../..)
endif()
find_path(PosekitTorch_ROOT share/cmake/Torch/TorchConfig.cmake HINTS ${_posekit_torch_folders} ${PosekitTorch_HINTS}
          PATHS /usr/local /usr)
mark_as_advanced(PosekitTorch_ROOT)

if(PosekitTorch_ROOT)
  get_filename_component(_posekit_torch_root ${PosekitTorch_ROOT} REALPATH)
  set(PosekitTorch_LIBRARY_DIR ${_posekit_torch_root}/lib)
  set(_posekit_torch_version_file ${_posekit_torch_root}/share/cmake/Torch/TorchConfigVersion.cmake)
  if(EXISTS ${_posekit_torch_version_file})
    file(STRINGS ${_posekit_torch_version_file} PosekitTorch_VERSION REGEX "PACKAGE_VERSION \"" LIMIT_COUNT 1)
    string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" PosekitTorch_VERSION "${PosekitTorch_VERSION}")
  endif()
  if(TARGET torch)
  elseif(EXISTS ${PosekitTorch_LIBRARY_DIR}/libtorch_cuda.so AND NOT POSEKIT_CUDA)
    add_library(c10 SHARED IMPORTED)
    set_target_properties(c10 PROPERTIES IMPORTED_LOCATION ${PosekitTorch_LIBRARY_DIR}/libc10.so)
    add_library(torch SHARED IMPORTED)
    set_target_properties(torch PROPERTIES
      IMPORTED_LOCATION ${PosekitTorch_LIBRARY_DIR}/libtorch_cpu.so
      INTERFACE_INCLUDE_DIRECTORIES "${_posekit_torch_root}/include;${_posekit_torch_root}/include/torch/csrc/api/include"
      INTERFACE_LINK_LIBRARIES c10)
    add_library(torch_library INTERFACE IMPORTED)
    target_link_libraries(torch_library INTERFACE torch)
  else()
    # A CUDA Torch sets the CUDA standard to the C++ one, which CMake < 3.26 does not know.
    set(CMAKE_CUDA_STANDARD 17)
    find_package(Torch QUIET CONFIG PATHS ${_posekit_torch_root}/share/cmake/Torch NO_DEFAULT_PATH)
    get_filename_component(PosekitTorch_LIBRARY_DIR "${TORCH_LIBRARY}" DIRECTORY)
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(PosekitTorch REQUIRED_VARS PosekitTorch_ROOT PosekitTorch_LIBRARY_DIR VERSION_VAR PosekitTorch_VERSION)
