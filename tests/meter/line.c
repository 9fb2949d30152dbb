// SPDX-License-Identifier: MIT
// The line and its meter: see line.h. The carrier alone touches the near pty; it takes it away and brings another.
#include "line.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static int open_pty(char *slave, size_t capacity)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0 ||
        ptsname_r(master, slave, capacity) != 0) {
        return -1;
    }
    struct termios raw;
    if (tcgetattr(master, &raw) == 0) {
        cfmakeraw(&raw);
        (void)tcsetattr(master, TCSANOW, &raw);
    }
    return master;
}

static bool plug_in(line_t *line)
{
    char slave[64];
    line->near_master = open_pty(slave, sizeof slave);
    (void)unlink(line->name);
    return line->near_master >= 0 && symlink(slave, line->name) == 0;
}

// An answer on its way back.
static size_t spoil(const line_t *line, uint8_t *bytes, size_t length)
{
    static const uint8_t noise[] = {0x55, 0xAA, 0x00, 0xFF, 0x01, 0x04};
    int fault = line->fault;
    switch (fault) {
    case LINE_SILENT:
        return 0;
    case LINE_CRC:
        bytes[length / 2] ^= 0x40u;
        return length;
    case LINE_GARBAGE:
        memmove(bytes + sizeof noise, bytes, length);
        memcpy(bytes, noise, sizeof noise);
        return length + sizeof noise;
    case LINE_TRUNCATED:
        return length / 2;
    default:
        return length;
    }
}

static void carry(line_t *line, int from, int to, bool back)
{
    uint8_t bytes[512];
    ssize_t got = read(from, bytes, 256);
    if (got <= 0) {
        return;
    }
    size_t length = back ? spoil(line, bytes, (size_t)got) : (size_t)got;
    for (size_t at = 0; at < length;) {
        ssize_t put = write(to, bytes + at, length - at);
        if (put <= 0) {
            return;
        }
        at += (size_t)put;
    }
}

static void *carry_on(void *ctx)
{
    line_t *line = ctx;
    while (!line->ending) {
        if (!line->plugged && line->near_master >= 0) {
            (void)close(line->near_master);
            (void)unlink(line->name);
            line->near_master = -1;
        } else if (line->plugged && line->near_master < 0 && !plug_in(line)) {
            break;
        }
        struct pollfd ends[] = {{line->far_master, POLLIN, 0}, {line->near_master, POLLIN, 0}};
        (void)poll(ends, line->near_master >= 0 ? 2 : 1, 10);
        if (line->near_master >= 0 && (ends[1].revents & POLLIN) != 0) {
            carry(line, line->near_master, line->far_master, false);
        } else if (line->near_master >= 0 && ends[1].revents != 0) {
            (void)usleep(5000); // nobody has it open
        }
        if ((ends[0].revents & POLLIN) != 0) {
            // A whole answer at once, so that it is spoilt once: 80 words and their head come in 200 bytes at most.
            (void)usleep(2000);
            if (line->near_master >= 0) {
                carry(line, line->far_master, line->near_master, true);
            }
        }
    }
    return NULL;
}

static void *answer(void *ctx)
{
    line_t *line = ctx;
    modbus_mapping_t *mapping = modbus_mapping_new(0, 0, 0, 80);
    uint8_t question[MODBUS_RTU_MAX_ADU_LENGTH];
    while (!line->ending && mapping != NULL) {
        int length = modbus_receive(line->server, question);
        if (length <= 0) {
            continue;
        }
        line->questions++;
        for (unsigned i = 0; i < 80; i++) {
            mapping->tab_input_registers[i] = line->words[i];
        }
        if (line->fault == LINE_EXCEPTION) {
            (void)modbus_reply_exception(line->server, question,
                                         MODBUS_EXCEPTION_SLAVE_OR_SERVER_BUSY);
        } else {
            if (line->fault == LINE_OTHER) {
                question[0]++; // the reply repeats it
            }
            (void)modbus_reply(line->server, question, length, mapping);
        }
    }
    if (mapping != NULL) {
        modbus_mapping_free(mapping);
    }
    return NULL;
}

bool line_open(line_t *line)
{
    char slave[64];
    memset(line, 0, sizeof *line);
    (void)snprintf(line->name, sizeof line->name, "/tmp/holdfast-meter-%d", (int)getpid());
    line->plugged = true;
    line->far_master = open_pty(slave, sizeof slave);
    if (line->far_master < 0 || !plug_in(line)) {
        return false;
    }
    line->server = modbus_new_rtu(slave, 9600, 'N', 8, 1);
    if (line->server == NULL || modbus_set_slave(line->server, 1) != 0 ||
        modbus_connect(line->server) != 0 ||
        modbus_set_indication_timeout(line->server, 0, 200000) != 0) {
        return false;
    }
    return pthread_create(&line->carrier, NULL, carry_on, line) == 0 &&
           pthread_create(&line->meter, NULL, answer, line) == 0;
}

void line_close(line_t *line)
{
    line->ending = true;
    (void)pthread_join(line->carrier, NULL);
    (void)pthread_join(line->meter, NULL);
    modbus_close(line->server);
    modbus_free(line->server);
    (void)close(line->far_master);
    if (line->near_master >= 0) {
        (void)close(line->near_master);
    }
    (void)unlink(line->name);
}

void line_put_float(line_t *line, unsigned at, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    line->words[at] = (uint16_t)(bits >> 16);
    line->words[at + 1] = (uint16_t)bits;
}
