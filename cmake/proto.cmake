# fovea_proto(NAME SOURCES …): compiles NAME.proto of the current folder into libfovea, for these of its sources. Files are
# registered in the process-wide pool under their path in the tree, so that they cannot meet those of another library.
find_package(Protobuf REQUIRED)

function(fovea_proto name)
  cmake_parse_arguments(ARG "" "" "SOURCES" ${ARGN})
  file(RELATIVE_PATH path ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${name})
  set(folder ${CMAKE_BINARY_DIR}/proto)
  set(generated ${folder}/${path}.pb)
  add_custom_command(OUTPUT ${generated}.cc ${generated}.h
    COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
    COMMAND protobuf::protoc --proto_path=${CMAKE_SOURCE_DIR} --cpp_out=${folder} ${CMAKE_SOURCE_DIR}/${path}.proto
    DEPENDS ${CMAKE_SOURCE_DIR}/${path}.proto
    VERBATIM)
  # An own target: generated code does not keep our warnings.
  string(REPLACE "/" "_" target ${path}_proto)
  add_library(${target} OBJECT ${generated}.cc ${generated}.h)
  target_include_directories(${target} SYSTEM PUBLIC ${folder})
  target_link_libraries(${target} PUBLIC protobuf::libprotobuf)
  if(FOVEA_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${FOVEA_SANITIZE} -fno-omit-frame-pointer)
  endif()
  add_dependencies(fovea ${target})
  target_sources(fovea PRIVATE $<TARGET_OBJECTS:${target}> ${ARG_SOURCES})
  # Only these sources see the generated header: another include path for all would cost every checkout its cached objects.
  list(TRANSFORM ARG_SOURCES PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  set_property(SOURCE ${ARG_SOURCES} TARGET_DIRECTORY fovea APPEND PROPERTY COMPILE_OPTIONS -isystem ${folder})
  target_link_libraries(fovea PRIVATE $<LINK_ONLY:protobuf::libprotobuf>)
endfunction()
