# Fails when docs/operators.md is not what `fovea operators` prints.
execute_process(COMMAND ${COMMAND} operators OUTPUT_VARIABLE printed COMMAND_ERROR_IS_FATAL ANY)
file(READ ${PAGE} page)
if(NOT printed STREQUAL page)
  message(FATAL_ERROR "${PAGE} is out of date; write it anew with: fovea operators > docs/operators.md")
endif()
