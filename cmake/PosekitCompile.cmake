# How every target of the project is compiled.

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
find_program(POSEKIT_CCACHE ccache)
mark_as_advanced(POSEKIT_CCACHE)
if(POSEKIT_CCACHE AND PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_CURRENT_LIST_DIR}/ccache_launcher)
endif()

# posekit_apart(file...): is compiled by itself with POSEKIT_UNITY too, since it shares a name with a neighbour.
function(posekit_apart)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# Most of the time goes into headers (Torch's, pybind11's, CLI11's): with POSEKIT_UNITY the files of a target that are in one folder are
# compiled as one, so that each header is read once. Files with options or definitions of their own stay apart. CMake's own UNITY_BUILD
# names files by absolute paths, so that __FILE__ in them keeps a compiler cache from serving a clone in another folder.
function(posekit_unity target)
  get_target_property(sources ${target} SOURCES)
  set(kept "")
  set(folders "")
  foreach(source IN LISTS sources)
    get_source_file_property(apart ${source} SKIP_UNITY_BUILD_INCLUSION)
    get_source_file_property(options ${source} COMPILE_OPTIONS)
    get_source_file_property(definitions ${source} COMPILE_DEFINITIONS)
    if(NOT source MATCHES "^[^$]*[.]cc$" OR apart OR options OR definitions)
      list(APPEND kept ${source})
    else()
      get_filename_component(path ${source} ABSOLUTE)
      cmake_path(GET path PARENT_PATH folder)
      list(APPEND folders ${folder})
      list(APPEND files_of_${folder} ${path})
    endif()
  endforeach()
  list(REMOVE_DUPLICATES folders)
  foreach(folder IN LISTS folders)
    list(LENGTH files_of_${folder} count)
    if(count EQUAL 1)
      list(APPEND kept ${files_of_${folder}})
    else()
      cmake_path(GET folder FILENAME name)
      set(unity ${CMAKE_CURRENT_BINARY_DIR}/unity/${target})
      set(includes "")
      foreach(file IN LISTS files_of_${folder})
        file(RELATIVE_PATH relative ${unity} ${file})
        string(APPEND includes "#include \"${relative}\"\n")
      endforeach()
      file(CONFIGURE OUTPUT ${unity}/${name}.cc CONTENT "${includes}" @ONLY)
      list(APPEND kept ${unity}/${name}.cc)
    endif()
  endforeach()
  set_property(TARGET ${target} PROPERTY SOURCES ${kept})
endfunction()

function(posekit_compile target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
                                             POSITION_INDEPENDENT_CODE ON)
  # GCC 12 sees overlaps in "text" + std::string that are not there (GCC bug 105651), and with -O1 overflows in Torch's atomics.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict;-Wno-stringop-overflow>)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow $<$<BOOL:${POSEKIT_WERROR}>:-Werror>)
  if(POSEKIT_UNITY)
    cmake_language(EVAL CODE "cmake_language(DEFER CALL posekit_unity ${target})") # after the target and its files are complete
    # Warnings that take a neighbour's names for this file's: a build file by file (preset clang) has them all.
    target_compile_options(${target} PRIVATE -Wno-shadow $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local;-Wno-subobject-linkage>)
  endif()
endfunction()
