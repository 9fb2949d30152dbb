# SPDX-License-Identifier: MIT
# What a firmware engineer takes: libholdfast, its headers with the configuration they were built for, a CMake package and
# a pkg-config file. The charge point and its tools have packages of their own later.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set_target_properties(holdfast PROPERTIES EXPORT_NAME holdfast)
install(TARGETS holdfast holdfast_wrap EXPORT holdfast-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/holdfast DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
# Beside hf_config.h, which includes it: whoever includes a header gets the switches the library was compiled with.
install(FILES ${HOLDFAST_GENERATED}/hf_autoconf.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/holdfast)
install(EXPORT holdfast-targets NAMESPACE holdfast:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/holdfast)

configure_package_config_file(cmake/holdfast-config.cmake.in ${PROJECT_BINARY_DIR}/holdfast-config.cmake
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/holdfast)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/holdfast-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/holdfast-config.cmake ${PROJECT_BINARY_DIR}/holdfast-config-version.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/holdfast)
configure_file(cmake/holdfast.pc.in ${PROJECT_BINARY_DIR}/holdfast.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/holdfast.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
