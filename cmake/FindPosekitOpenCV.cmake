# Finds OpenCV with or without its CMake config: Debian's per-module packages (libopencv-core-dev, …) have none.
#
# Components: core, imgproc, imgcodecs, videoio. Defines the imported targets opencv_<component>, PosekitOpenCV_FOUND and
# PosekitOpenCV_VERSION. Installed beside the package config, for consumers of the static library.

if(NOT PosekitOpenCV_FIND_COMPONENTS)
  set(PosekitOpenCV_FIND_COMPONENTS core)
endif()

find_package(OpenCV 4.5 QUIET CONFIG COMPONENTS ${PosekitOpenCV_FIND_COMPONENTS})
if(OpenCV_FOUND)
  set(PosekitOpenCV_VERSION ${OpenCV_VERSION})
  foreach(component IN LISTS PosekitOpenCV_FIND_COMPONENTS)
    set(PosekitOpenCV_${component}_FOUND TRUE)
  endforeach()
  set(_posekit_opencv_where ${OpenCV_CONFIG})
else()
  find_path(PosekitOpenCV_INCLUDE_DIR opencv2/core.hpp PATH_SUFFIXES opencv4)
  mark_as_advanced(PosekitOpenCV_INCLUDE_DIR)
  if(PosekitOpenCV_INCLUDE_DIR)
    file(STRINGS ${PosekitOpenCV_INCLUDE_DIR}/opencv2/core/version.hpp _posekit_opencv_lines REGEX "define CV_VERSION_(MAJOR|MINOR|REVISION) ")
    string(REGEX REPLACE "[^0-9;]" "" PosekitOpenCV_VERSION "${_posekit_opencv_lines}")
    string(REPLACE ";" "." PosekitOpenCV_VERSION "${PosekitOpenCV_VERSION}")
  endif()
  foreach(component IN LISTS PosekitOpenCV_FIND_COMPONENTS)
    find_library(PosekitOpenCV_${component}_LIBRARY opencv_${component})
    mark_as_advanced(PosekitOpenCV_${component}_LIBRARY)
    if(PosekitOpenCV_INCLUDE_DIR AND PosekitOpenCV_${component}_LIBRARY)
      set(PosekitOpenCV_${component}_FOUND TRUE)
      if(NOT TARGET opencv_${component})
        add_library(opencv_${component} UNKNOWN IMPORTED)
        set_target_properties(opencv_${component} PROPERTIES IMPORTED_LOCATION ${PosekitOpenCV_${component}_LIBRARY}
                                                             INTERFACE_INCLUDE_DIRECTORIES ${PosekitOpenCV_INCLUDE_DIR})
        if(NOT component STREQUAL core)
          target_link_libraries(opencv_${component} INTERFACE opencv_core)
        endif()
      endif()
    endif()
  endforeach()
  set(_posekit_opencv_where ${PosekitOpenCV_INCLUDE_DIR})
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  PosekitOpenCV
  REQUIRED_VARS _posekit_opencv_where
  VERSION_VAR PosekitOpenCV_VERSION
  HANDLE_COMPONENTS
  REASON_FAILURE_MESSAGE
    "posekit_io needs OpenCV >= 4.5: install it (Debian and Ubuntu: apt-get install libopencv-core-dev libopencv-imgproc-dev libopencv-imgcodecs-dev libopencv-videoio-dev), or build without it (-DPOSEKIT_IO=OFF)")
