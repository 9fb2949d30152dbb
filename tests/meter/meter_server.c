// SPDX-License-Identifier: MIT
// A DC shunt meter (profile pzem-017) at the end of a serial line, for tests of the daemon. Says
// {"event":"ready","device":NAME};
// understands "energy MILLIJOULES", "output MILLIVOLTS MILLIAMPERES", "fault NUMBER" (line.h), "plugged 0|1". Ends with its
// input.
#include "line.h"

#include <inttypes.h>
#include <stdio.h>

static line_t line;

static void put(unsigned at, uint64_t value)
{
    line.words[at] = (uint16_t)value;
    line.words[at + 1] = (uint16_t)(value >> 16);
}

int main(void)
{
    char text[128];
    uint64_t a, b;
    if (!line_open(&line)) {
        (void)fputs("meter_server: no ptys\n", stderr);
        return 1;
    }
    printf("{\"event\":\"ready\",\"device\":\"%s\"}\n", line.name);
    (void)fflush(stdout);
    while (fgets(text, sizeof text, stdin) != NULL) {
        if (sscanf(text, "energy %" SCNu64, &a) == 1) {
            put(4, a / 3600000u);
        } else if (sscanf(text, "output %" SCNu64 " %" SCNu64, &a, &b) == 2) {
            line.words[0] = (uint16_t)(a / 10u);
            line.words[1] = (uint16_t)(b / 10u);
            put(2, a * b / 100000u);
        } else if (sscanf(text, "fault %" SCNu64, &a) == 1) {
            line.fault = (int)a;
        } else if (sscanf(text, "plugged %" SCNu64, &a) == 1) {
            line.plugged = a != 0;
        } else {
            (void)fprintf(stderr, "meter_server: what is '%s'?\n", text);
        }
    }
    line_close(&line);
    return 0;
}
