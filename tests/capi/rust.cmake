# Builds the Rust example against LIBRARY and holds what it prints against the reference.

if(NOT RUSTC)
  message("SKIPPED: rustc is not there")
  return()
endif()
string(REPLACE "|" ";" CHECK "${CHECK}")
string(REPLACE "|" ";" RUN "${RUN}")
get_filename_component(folder ${LIBRARY} DIRECTORY)
file(MAKE_DIRECTORY ${WORK})
execute_process(COMMAND ${RUSTC} --edition 2021 -D warnings ${SOURCE} -o ${WORK}/posekit_rust_example -L native=${folder}
                        -C link-arg=-Wl,-rpath,${folder} -C link-arg=-Wl,-rpath-link,${RPATH} -C link-arg=-Wl,--allow-shlib-undefined
                COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CHECK} ${WORK}/posekit_rust_example ${RUN} COMMAND_ERROR_IS_FATAL ANY)
