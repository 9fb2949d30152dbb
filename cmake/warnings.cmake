# SPDX-License-Identifier: MIT
add_library(warnings INTERFACE)
target_compile_options(warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -Wstrict-prototypes -Wmissing-prototypes)
# __FILE__ is counted from the top of the tree: sizes do not hang on where a checkout lies.
add_compile_options("$<$<COMPILE_LANGUAGE:C,CXX>:-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=>")

# A large object on a stack ends in an overflow where nobody looks (a crash of the firmware we learned from): a frame of more
# than `bytes` does not compile. As it ships: without optimisation and with sanitizers frames are others; tests may have what they like.
set(HOLDFAST_LIMITS_FRAMES OFF)
if(CMAKE_BUILD_TYPE MATCHES "^(Release|MinSizeRel|RelWithDebInfo)$" AND NOT CMAKE_C_FLAGS MATCHES "sanitize|coverage")
    set(HOLDFAST_LIMITS_FRAMES ON)
endif()
function(limit_frames target bytes)
    if(TARGET ${target} AND HOLDFAST_LIMITS_FRAMES)
        target_compile_options(${target} PRIVATE -Wframe-larger-than=${bytes})
    endif()
endfunction()
if(CMAKE_CROSSCOMPILING)
    set(HOLDFAST_FRAME_BYTES 1152) # portable code and drivers; optimised for size
else()
    set(HOLDFAST_FRAME_BYTES 2048) # the same sources: wider pointers, more inlining
endif()

# What each function takes of its stack, beside its object: tests/target/stack.py adds it up.
if(CMAKE_C_COMPILER_ID STREQUAL GNU)
    add_compile_options("$<$<COMPILE_LANGUAGE:C>:-fstack-usage>")
endif()
