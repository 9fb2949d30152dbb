# SPDX-License-Identifier: MIT
# cmake -DOUT=FILE.c -DFOLDER=DIR -P: the JSON files of a folder as C strings, a line each, in the order of their numbers.
file(GLOB files ${FOLDER}/*.json)
list(SORT files COMPARE NATURAL)
set(text "// SPDX-License-Identifier: MIT\n// Made from tools/lab/scenarios/*.json by scenarios_embed.cmake.\n#include \"lab_scenario.h\"\n\nstatic const lab_builtin_t builtins[] = {\n")
foreach(file ${files})
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} content)
    # Lists of CMake end at semicolons and brackets: only whole-string replacements here.
    string(REPLACE "\\" "\\\\" content "${content}")
    string(REPLACE "\"" "\\\"" content "${content}")
    string(REPLACE "\n" "\\n\"\n     \"" content "${content}")
    string(APPEND text "    {\"${name}\",\n     \"${content}\"},\n")
endforeach()
string(APPEND text "};\n\nconst lab_builtin_t *lab_scenario_builtin(unsigned n)\n{\n    return n < sizeof builtins / sizeof builtins[0] ? &builtins[n] : NULL;\n}\n")
file(WRITE ${OUT} "${text}")
