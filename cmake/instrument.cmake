# SPDX-License-Identifier: MIT
# The target `instrument`: hf_instrument.h and hf_instrument.c, telemetry for any firmware (docs/INSTRUMENT.md), made from the
# sources; and `hf_instrument`, the two as a library.
set(HOLDFAST_INSTRUMENT ${PROJECT_BINARY_DIR}/instrument)
file(GLOB instrument_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/holdfast/*.h
    ${PROJECT_SOURCE_DIR}/src/runtime/diag/*.[ch] ${PROJECT_SOURCE_DIR}/src/runtime/sync/*.[ch]
    ${PROJECT_SOURCE_DIR}/src/runtime/text/*.[ch] ${PROJECT_SOURCE_DIR}/src/runtime/store/*.[ch])
add_custom_command(OUTPUT ${HOLDFAST_INSTRUMENT}/hf_instrument.h ${HOLDFAST_INSTRUMENT}/hf_instrument.c
    COMMAND /usr/bin/python3 -B ${PROJECT_SOURCE_DIR}/tools/amalgamate.py ${PROJECT_SOURCE_DIR} ${HOLDFAST_INSTRUMENT}
            ${PROJECT_VERSION}
    DEPENDS ${PROJECT_SOURCE_DIR}/tools/amalgamate.py ${PROJECT_SOURCE_DIR}/LICENSE ${instrument_sources}
    COMMENT "hf_instrument.h, hf_instrument.c" VERBATIM)
add_custom_target(instrument DEPENDS ${HOLDFAST_INSTRUMENT}/hf_instrument.h ${HOLDFAST_INSTRUMENT}/hf_instrument.c)
add_library(hf_instrument STATIC EXCLUDE_FROM_ALL ${HOLDFAST_INSTRUMENT}/hf_instrument.c)
target_include_directories(hf_instrument PUBLIC ${HOLDFAST_INSTRUMENT})
