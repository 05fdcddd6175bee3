# How every target of the project is compiled.

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
find_program(POSEKIT_CCACHE ccache)
mark_as_advanced(POSEKIT_CCACHE)
if(POSEKIT_CCACHE AND PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${POSEKIT_CCACHE})
endif()

function(posekit_compile target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
                                             POSITION_INDEPENDENT_CODE ON)
  # GCC 12 sees overlaps in "text" + std::string that are not there (GCC bug 105651), and with -O1 overflows in Torch's atomics.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict;-Wno-stringop-overflow>)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow $<$<BOOL:${POSEKIT_WERROR}>:-Werror>)
endfunction()
