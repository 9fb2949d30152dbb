# SPDX-License-Identifier: MIT
# report/report.html as a C array: cmake -DPAGE=... -DOUT=... -P report.cmake
file(READ ${PAGE} bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${OUT} "#include \"lab_report.h\"\n\nconst char lab_report_page[] = {\n${bytes}0};\n")
