# Finds the libraries that read and write image files: libjpeg-turbo, libpng, libwebp, OpenJPEG and, with POSEKIT_TIFF, libtiff (4.5 or later).
#
# Defines the imported target posekit_codecs and PosekitCodecs_FOUND. Installed beside the package config, for consumers of the static
# library. The libraries' own CMake configs and modules differ too much between systems, so headers and libraries are looked for here.

set(_posekit_codecs_required "")
set(_posekit_codecs_includes "")
set(_posekit_codecs_libraries "")
set(_posekit_codecs jpeg:jpeglib.h png:png.h webp:webp/decode.h openjp2:openjpeg.h)
if(POSEKIT_TIFF)
  list(APPEND _posekit_codecs tiff:tiffio.h)
endif()
foreach(codec IN LISTS _posekit_codecs)
  string(REPLACE ":" ";" codec ${codec})
  list(GET codec 0 library)
  list(GET codec 1 header)
  find_path(PosekitCodecs_${library}_INCLUDE_DIR ${header} PATH_SUFFIXES openjpeg-2.5 openjpeg-2.4)
  find_library(PosekitCodecs_${library}_LIBRARY ${library})
  mark_as_advanced(PosekitCodecs_${library}_INCLUDE_DIR PosekitCodecs_${library}_LIBRARY)
  list(APPEND _posekit_codecs_required PosekitCodecs_${library}_LIBRARY PosekitCodecs_${library}_INCLUDE_DIR)
  list(APPEND _posekit_codecs_includes ${PosekitCodecs_${library}_INCLUDE_DIR})
  list(APPEND _posekit_codecs_libraries ${PosekitCodecs_${library}_LIBRARY})
endforeach()

if(POSEKIT_TIFF)
  if(PosekitCodecs_tiff_INCLUDE_DIR)
    file(STRINGS ${PosekitCodecs_tiff_INCLUDE_DIR}/tiffio.h _posekit_tiff_has_options REGEX TIFFOpenOptionsAlloc) # of 4.5
  endif()
  list(APPEND _posekit_codecs_required _posekit_tiff_has_options)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  PosekitCodecs
  REQUIRED_VARS ${_posekit_codecs_required}
  REASON_FAILURE_MESSAGE
    "posekit_io needs libjpeg-turbo, libpng, libwebp, libtiff >= 4.5 and OpenJPEG: install them (Debian and Ubuntu: apt-get install libjpeg-dev libpng-dev libwebp-dev libtiff-dev libopenjp2-7-dev), or build without them (-DPOSEKIT_IO=OFF)")
if(PosekitCodecs_FOUND AND NOT TARGET posekit_codecs)
  list(REMOVE_DUPLICATES _posekit_codecs_includes)
  add_library(posekit_codecs INTERFACE IMPORTED)
  target_include_directories(posekit_codecs SYSTEM INTERFACE ${_posekit_codecs_includes})
  target_link_libraries(posekit_codecs INTERFACE ${_posekit_codecs_libraries})
endif()
