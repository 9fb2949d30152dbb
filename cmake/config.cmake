# SPDX-License-Identifier: MIT
# Runs Kconfig at configure time. The python of Debian's python3-kconfiglib is /usr/bin/python3, whatever is first in PATH.
if(IS_ABSOLUTE "${HOLDFAST_CONFIG}")
    set(config_file "${HOLDFAST_CONFIG}")
else()
    set(config_file "${PROJECT_SOURCE_DIR}/configs/${HOLDFAST_CONFIG}")
endif()
set(HOLDFAST_GENERATED ${PROJECT_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${HOLDFAST_GENERATED})
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/Kconfig ${config_file} ${PROJECT_SOURCE_DIR}/cmake/kconfig.py)
execute_process(
    COMMAND /usr/bin/python3 ${PROJECT_SOURCE_DIR}/cmake/kconfig.py ${PROJECT_SOURCE_DIR}/Kconfig
            ${config_file} ${HOLDFAST_GENERATED}/hf_autoconf.h ${HOLDFAST_GENERATED}/config.cmake
    RESULT_VARIABLE kconfig_result)
if(NOT kconfig_result EQUAL 0)
    message(FATAL_ERROR "configuration ${config_file} was refused (see above)")
endif()
include(${HOLDFAST_GENERATED}/config.cmake)
