# What `cmake --install` puts where, besides what each folder installs of its own targets: the library, its headers,
# pkg-config and CMake packages.
include(CMakePackageConfigHelpers)

install(TARGETS fovea fovea_drawing EXPORT FoveaTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(folder engine vision publish)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/fovea
    FILES_MATCHING PATTERN "*.hpp" PATTERN "*.inc" PATTERN "plugins" EXCLUDE)
endforeach()
install(DIRECTORY ${CMAKE_SOURCE_DIR}/docs/schemas DESTINATION ${CMAKE_INSTALL_DATADIR}/fovea)
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE ${CMAKE_SOURCE_DIR}/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

configure_file(${CMAKE_SOURCE_DIR}/cmake/fovea.pc.in ${CMAKE_BINARY_DIR}/fovea.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/fovea.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(FOVEA_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/Fovea)
install(EXPORT FoveaTargets NAMESPACE Fovea:: DESTINATION ${FOVEA_CMAKE_DIR})
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/FoveaConfig.cmake.in ${CMAKE_BINARY_DIR}/FoveaConfig.cmake
  INSTALL_DESTINATION ${FOVEA_CMAKE_DIR})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/FoveaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/FoveaConfig.cmake ${CMAKE_BINARY_DIR}/FoveaConfigVersion.cmake DESTINATION ${FOVEA_CMAKE_DIR})
