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

# A second configuration of the runtime beside the one of the build: that one with some symbols set otherwise, its header in a
# folder of its own, which is returned in OUT. What the settings make impossible is off.
# holdfast_variant(OUT NAME HF_POOL_CENSUS=y HF_POOL_FILL=n ...)
function(holdfast_variant out name)
    set(folder ${PROJECT_BINARY_DIR}/variants/${name})
    list(TRANSFORM ARGN PREPEND "CONFIG_" OUTPUT_VARIABLE lines)
    list(JOIN lines "\n" text)
    file(MAKE_DIRECTORY ${folder})
    file(WRITE ${folder}/config "${text}\n")
    execute_process(
        COMMAND /usr/bin/python3 ${PROJECT_SOURCE_DIR}/cmake/kconfig.py ${PROJECT_SOURCE_DIR}/Kconfig
                ${folder}/config ${folder}/hf_autoconf.h ${folder}/config.cmake ${config_file}
        RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "variant ${name} was refused (see above)")
    endif()
    set(${out} ${folder} PARENT_SCOPE)
endfunction()
