# Holds the binary interface of LIBRARY against BASELINE, or writes it there (WRITE). docs/abi.md says when that is right.

if(NOT ABIDW OR NOT ABIDIFF)
  message("SKIPPED: abidw and abidiff (Debian: abigail-tools) are not there")
  return()
endif()
if(WRITE)
  execute_process(COMMAND ${ABIDW} --headers-dir ${HEADER} --drop-private-types --no-show-locs --no-corpus-path --no-comp-dir-path
                          --no-elf-needed --exported-interfaces-only --out-file ${BASELINE} ${LIBRARY} COMMAND_ERROR_IS_FATAL ANY)
  # Without the folder that it was made in.
  get_filename_component(root ${HEADER}/../.. ABSOLUTE)
  file(READ ${BASELINE} text)
  string(REPLACE "path='${root}/" "path='" text "${text}")
  file(WRITE ${BASELINE} "${text}")
  message(STATUS "wrote ${BASELINE}")
  return()
endif()
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BUILD} --target posekit_c_abi OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${ABIDIFF} --headers-dir2 ${HEADER} --drop-private-types --exported-interfaces-only --no-show-locs --no-corpus-path ${BASELINE} ${LIBRARY}
                RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "the binary interface is not ${BASELINE}'s (abidiff: ${result}). If the change is agreed growth, see docs/abi.md for the one "
                      "step that writes the baseline anew; everything else breaks programs that are there.")
endif()
message(STATUS "abidiff finds no change")
