# SPDX-License-Identifier: MIT
add_library(warnings INTERFACE)
target_compile_options(warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -Wstrict-prototypes -Wmissing-prototypes)
