# How every target of the project is compiled.

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
find_program(POSEKIT_CCACHE ccache)
mark_as_advanced(POSEKIT_CCACHE)
if(POSEKIT_CCACHE AND PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_CURRENT_LIST_DIR}/ccache_launcher)
endif()

# Most of the time goes into headers (Torch's, pybind11's, CLI11's): with POSEKIT_UNITY the files of a target that are in one folder are
# compiled as one, so that each header is read once. Files with compile options of their own stay apart, and those of posekit_apart().
function(posekit_unity target)
  get_target_property(sources ${target} SOURCES)
  foreach(source IN LISTS sources)
    cmake_path(GET source PARENT_PATH folder)
    cmake_path(GET folder FILENAME name)
    set_property(SOURCE ${source} PROPERTY UNITY_GROUP "${name}")
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
endfunction()

# posekit_apart(file...): with POSEKIT_UNITY too compiled one by one, since they share a name with a neighbour.
function(posekit_apart)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

function(posekit_compile target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
                                             POSITION_INDEPENDENT_CODE ON)
  # GCC 12 sees overlaps in "text" + std::string that are not there (GCC bug 105651), and with -O1 overflows in Torch's atomics.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict;-Wno-stringop-overflow>)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow $<$<BOOL:${POSEKIT_WERROR}>:-Werror>)
  if(POSEKIT_UNITY)
    posekit_unity(${target})
    # Warnings that take a neighbour's names for this file's: a build file by file (preset clang) has them all.
    target_compile_options(${target} PRIVATE -Wno-shadow $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local;-Wno-subobject-linkage>)
  endif()
endfunction()
