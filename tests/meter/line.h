// SPDX-License-Identifier: MIT
// A serial line with a meter at its end: two ptys, a thread that carries the bytes between them and can spoil them, and a
// libmodbus RTU server on the far one. The near one has a name that stays when the line is unplugged and plugged again.
#ifndef LINE_H
#define LINE_H

#include <modbus/modbus.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum line_fault {
    LINE_GOOD,
    LINE_SILENT,    // answers get lost
    LINE_CRC,       // one byte of each answer is another
    LINE_GARBAGE,   // noise before each answer
    LINE_TRUNCATED, // answers end in the middle
    LINE_EXCEPTION, // the meter answers with one
    LINE_OTHER,     // another unit's answer
} line_fault_t;

typedef struct line {
    char name[64]; // what the station opens
    _Atomic int fault;
    _Atomic bool plugged, ending;
    _Atomic uint32_t questions;
    _Atomic uint16_t words[80]; // input registers
    int near_master, far_master;
    modbus_t *server;
    pthread_t carrier, meter;
} line_t;

/// False when this machine has no ptys.
bool line_open(line_t *line);
void line_close(line_t *line);
void line_put_float(line_t *line, unsigned at, float value);

#endif
