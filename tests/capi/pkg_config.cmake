# Builds and runs the C example with what pkg-config tells of an installed and moved posekit. Arguments as of tests/install/consume.cmake.

find_program(PKG_CONFIG NAMES pkg-config pkgconf)
if(NOT PKG_CONFIG)
  message("SKIPPED: pkg-config is not there")
  return()
endif()
string(REPLACE "|" ";" RUN "${RUN}")
function(run)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env --unset=LD_LIBRARY_PATH --unset=DESTDIR ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

if(BUILD_STATIC)
  set(INSTALL ${WORK}-build)
  run(${CMAKE_COMMAND} -S ${POSEKIT} -B ${INSTALL} -G ${GENERATOR} -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=${COMPILER}
      -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER} -DPOSEKIT_UNITY=${UNITY} -DPOSEKIT_WERROR=${WERROR} -DBUILD_SHARED_LIBS=OFF -DPOSEKIT_CLI=OFF -DPOSEKIT_TESTS=OFF -DCMAKE_PREFIX_PATH=${TORCH})
  run(${CMAKE_COMMAND} --build ${INSTALL})
endif()
file(REMOVE_RECURSE ${WORK}/prefix ${WORK}/moved)
run(${CMAKE_COMMAND} --install ${INSTALL} --prefix ${WORK}/prefix)
file(RENAME ${WORK}/prefix ${WORK}/moved)
file(GLOB_RECURSE description ${WORK}/moved/posekit_c.pc)
get_filename_component(folder ${description} DIRECTORY)
execute_process(COMMAND ${CMAKE_COMMAND} -E env PKG_CONFIG_PATH=${folder} ${PKG_CONFIG} --cflags --libs posekit_c OUTPUT_VARIABLE flags
                COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(flags UNIX_COMMAND "${flags}")
get_filename_component(libraries ${folder} DIRECTORY)
run(${C_COMPILER} -std=c11 -Wall -Wextra -Wpedantic -Werror ${SOURCE}/main.c -o ${WORK}/moved/${PROGRAM} ${flags} -Wl,-rpath,${libraries})
run(${WORK}/moved/${PROGRAM} ${RUN})
