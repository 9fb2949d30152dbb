# SPDX-License-Identifier: MIT
# docs/fault-codes.md is part of every build: a code without a row in docs/fault-codes.in, a row without a code, or a document that
# is out of date stops it. Nothing is written here: tools/doc/fault_codes.py makes the document anew.
set(fault_codes_python /usr/bin/python3)
set(fault_codes_inputs docs/fault-codes.in docs/fault-codes.md include/evse/evse_fault.h include/evse/evse_state.h
    include/evse/evse_supervisor.h include/evse/evse_timing.h include/holdfast/hf_status.h src/evse/evse_fault_names.c
    src/evse/ocpp/evse_ocpp_status.c app/holdfastd/options.h tools/holdfast/holdfast.h check)
if(NOT EXISTS ${fault_codes_python})
    message(WARNING "no ${fault_codes_python}: docs/fault-codes.md is not compared with the code")
    return()
endif()
list(TRANSFORM fault_codes_inputs PREPEND ${PROJECT_SOURCE_DIR}/)
add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/fault-codes.checked
    COMMAND ${fault_codes_python} -B ${CMAKE_CURRENT_LIST_DIR}/../tools/doc/fault_codes.py ${PROJECT_SOURCE_DIR} --check
    COMMAND ${CMAKE_COMMAND} -E touch ${PROJECT_BINARY_DIR}/fault-codes.checked
    DEPENDS ${fault_codes_inputs} ${CMAKE_CURRENT_LIST_DIR}/../tools/doc/fault_codes.py
    COMMENT "Comparing docs/fault-codes.md with the code" VERBATIM)
add_custom_target(fault_codes ALL DEPENDS ${PROJECT_BINARY_DIR}/fault-codes.checked)
