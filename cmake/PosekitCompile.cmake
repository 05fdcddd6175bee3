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
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow $<$<BOOL:${POSEKIT_WERROR}>:-Werror>)
endfunction()
