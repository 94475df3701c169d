# Compile options of all our targets.
add_library(fovea_options INTERFACE)
target_include_directories(fovea_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(fovea_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror)
# g++ 12 reports false positives of these two in optimised standard library code.
target_compile_options(fovea_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict -Wno-maybe-uninitialized>)
if(FOVEA_SANITIZE)
  target_compile_options(fovea_options INTERFACE -fsanitize=${FOVEA_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(fovea_options INTERFACE -fsanitize=${FOVEA_SANITIZE})
  # g++ 12 crashes in this pass on some instrumented files.
  target_compile_options(fovea_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-fno-ipa-cp>)
endif()
