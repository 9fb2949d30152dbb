// SPDX-License-Identifier: MIT
// The whole comms core under whatever a central system may send: the input is cut into messages at NUL bytes, each is
// received by an accepted station with a session running. Nothing may crash, assert, hang, or stop it from answering.
#include "fuzz.h"
#include "support/ocpp_station.h"

#include <stdlib.h>

static void receive_all(station_t *s, const uint8_t *data, size_t size)
{
    static char text[STATION_TEXT];
    size_t length = 0;
    for (size_t i = 0; i <= size; i++) {
        if (i < size && data[i] != 0) {
            if (length + 1 < sizeof text) {
                text[length++] = (char)data[i];
            }
            continue;
        }
        text[length] = '\0';
        length = 0;
        station_say(s, text);
        station_run(s, 20);
        s->call_count = 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 4000) {
        return 0;
    }
    station_t *s = station_online(2);
    station_start(s);
    hf_test_failed_here = 0;
    receive_all(s, data, size);
    s->resets = 0;
    station_run(s, 4000); // an UnlockConnector may wait that long
    s->call_count = 0;
    const char *answer = station_ask(s, "ClearCache", "{}");
    bool answered =
        strcmp(answer, STATION_ACCEPTED) == 0 ||
        strcmp(answer, STATION_REJECTED) == 0; // the input may have switched the cache off
    if (hf_test_failed_here != 0 || !answered) {
        printf("the station answers \"%s\"\n", answer);
        abort();
    }
    return 0;
}
