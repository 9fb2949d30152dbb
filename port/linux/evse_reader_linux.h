// SPDX-License-Identifier: MIT
// Card readers on Linux: a serial line, or a reader that types like a keyboard (evdev). Polled by the comms loop, never
// blocking; a device that goes away is opened again every second.
#ifndef EVSE_READER_LINUX_H
#define EVSE_READER_LINUX_H

#include "evse/evse_reader.h"

#define EVSE_READER_LINUX_PATH_BYTES 108u

typedef struct evse_reader_linux {
    char path[EVSE_READER_LINUX_PATH_BYTES];
    uint32_t speed; // speed_t; 0: evdev
    int fd;         // -1: the device is away
    uint64_t next_open_us;
    evse_reader_line_t line;
    uint32_t opened;
} evse_reader_linux_t;

/// What specs there are, for --help.
extern const char evse_reader_linux_specs[];

/// HF_OK, HF_E_FORMAT, HF_E_TOO_LONG, HF_E_RANGE (a speed there is none of). Touches nothing.
HF_MUST_CHECK int evse_reader_linux_check(const char *spec);
/// Opens it. A device that is not there (yet) is no error: `fd` is -1 then. As _check(), HF_E_IO no terminal, no keyboard.
HF_MUST_CHECK int evse_reader_linux_open(evse_reader_linux_t *reader, const char *spec);
evse_reader_t evse_reader_linux_seam(evse_reader_linux_t *reader);
void evse_reader_linux_close(evse_reader_linux_t *reader);

#endif
