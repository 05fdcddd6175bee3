# Compiles the header alone and, given LIBRARY, the program that uses every function, with COMPILER in STANDARD; runs the program.

if(NOT COMPILER)
  message("SKIPPED: this compiler is not there")
  return()
endif()
string(REPLACE "|" ";" RUN "${RUN}")
if(STANDARD MATCHES "\\+\\+")
  set(language c++)
  set(source ${HERE}/every_function.cc)
else()
  set(language c)
  set(source ${HERE}/every_function.c)
endif()
set(strict ${COMPILER} -std=${STANDARD} -Wall -Wextra -Wpedantic -Werror -I ${HEADER})
file(MAKE_DIRECTORY ${WORK})

file(WRITE ${WORK}/alone.c "#include <posekit_c.h>\n")
execute_process(COMMAND ${strict} -fsyntax-only -x ${language} ${WORK}/alone.c COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${strict} -fsyntax-only ${source} COMMAND_ERROR_IS_FATAL ANY)
if(LIBRARY)
  get_filename_component(folder ${LIBRARY} DIRECTORY)
  execute_process(COMMAND ${strict} ${source} -o ${WORK}/every_function ${LIBRARY} -Wl,-rpath,${folder} -Wl,-rpath-link,${RPATH}
                          -Wl,--allow-shlib-undefined
                  COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${WORK}/every_function ${RUN} COMMAND_ERROR_IS_FATAL ANY)
endif()
