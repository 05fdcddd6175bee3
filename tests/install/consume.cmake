# Builds and runs PROGRAM of the project in SOURCE against posekit, in the folder WORK, and folders beside it with longer names.
#
#   INSTALL=BUILD_FOLDER   install that build, move the prefix, find_package there
#   BUILD_STATIC=ON        build posekit's static libraries first and install these
#   neither                SOURCE takes posekit in by itself, from POSEKIT_SOURCE
# STATIC: the consumer has to find Torch. RUN: the program's arguments, with | between.

string(REPLACE "|" ";" RUN "${RUN}")

# WORK is beside the build folder: a compiler cache knows files by paths that are relative to the folder of the build.
# The compiled objects of earlier runs are kept; what is installed and consumed is made anew.
function(run)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env --unset=LD_LIBRARY_PATH --unset=DESTDIR ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# UNITY, WERROR: as in the build that is tested, so that a compiler cache has most of it.
set(configure -G ${GENERATOR} -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})
file(REMOVE_RECURSE ${WORK}/prefix "${WORK}/moved prefix" ${WORK}-consumer)

if(BUILD_STATIC)
  set(INSTALL ${WORK}-build)
  run(${CMAKE_COMMAND} -S ${POSEKIT} -B ${INSTALL} ${configure} -DBUILD_SHARED_LIBS=OFF -DPOSEKIT_CLI=OFF -DPOSEKIT_TESTS=OFF
      -DPOSEKIT_UNITY=${UNITY} -DPOSEKIT_WERROR=${WERROR} -DCMAKE_PREFIX_PATH=${TORCH})
  run(${CMAKE_COMMAND} --build ${INSTALL})
endif()

if(INSTALL)
  run(${CMAKE_COMMAND} --install ${INSTALL} --prefix ${WORK}/prefix)
  file(RENAME ${WORK}/prefix "${WORK}/moved prefix")
  if(EXISTS "${WORK}/moved prefix/bin/posekit")
    run("${WORK}/moved prefix/bin/posekit" --help)
  endif()
  list(APPEND configure "-DCMAKE_PREFIX_PATH=${WORK}/moved prefix")
  if(STATIC)
    list(APPEND configure -DTorch_DIR=${TORCH}/share/cmake/Torch)
  endif()
else()
  list(APPEND configure -DCMAKE_PREFIX_PATH=${TORCH} -DPOSEKIT_SOURCE=${POSEKIT} -DPOSEKIT_UNITY=${UNITY} -DPOSEKIT_WERROR=${WERROR})
endif()

run(${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK}-consumer ${configure})
if(INSTALL AND NOT STATIC)
  file(STRINGS ${WORK}-consumer/CMakeCache.txt found REGEX "^(Torch|PosekitTorch|OpenCV|fmt|nlohmann_json)[A-Za-z_]*(DIR|ROOT):")
  if(found)
    message(FATAL_ERROR "the consumer of the shared libraries looked for ${found}")
  endif()
endif()
run(${CMAKE_COMMAND} --build ${WORK}-consumer)
run(${WORK}-consumer/${PROGRAM} ${RUN})

# Again as another consumer would: the next standard, not optimised, by Clang where that is there.
if(INSTALL AND NOT STATIC)
  find_program(CLANG NAMES clang++-16 clang++)
  if(CLANG)
    list(APPEND configure -DCMAKE_CXX_COMPILER=${CLANG})
  endif()
  file(REMOVE_RECURSE ${WORK}-consumer)
  run(${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK}-consumer ${configure} -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_STANDARD=23)
  run(${CMAKE_COMMAND} --build ${WORK}-consumer)
  run(${WORK}-consumer/${PROGRAM} ${RUN})
endif()
