# SPDX-License-Identifier: MIT
# The built-in scenarios: each file of scenarios/ becomes a const string of lab_scenario_builtins.c.
file(GLOB scenario_files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/scenarios/*.json)
set(lab_scenario_sources ${CMAKE_CURRENT_BINARY_DIR}/lab_scenario_builtins.c)
add_custom_command(OUTPUT ${lab_scenario_sources}
    COMMAND ${CMAKE_COMMAND} -DOUT=${lab_scenario_sources} -DFOLDER=${CMAKE_CURRENT_SOURCE_DIR}/scenarios
        -P ${CMAKE_CURRENT_SOURCE_DIR}/scenarios_embed.cmake
    DEPENDS ${scenario_files} ${CMAKE_CURRENT_SOURCE_DIR}/scenarios_embed.cmake VERBATIM)
# The digest of what is uploaded.
list(APPEND lab_scenario_sources ${PROJECT_SOURCE_DIR}/port/linux/transfer_sha256.c)
include_directories(${PROJECT_SOURCE_DIR}/port/linux)
