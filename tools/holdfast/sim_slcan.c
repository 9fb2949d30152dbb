// SPDX-License-Identifier: MIT
// `holdfast sim`, back ends slcan-pty:LINK and slcan-unix:PATH: the adapter's side of SLCAN, on a pseudo terminal or a
// stream socket. Written from the published command set (LAWICEL), apart from the charge point's driver, so that the two
// test each other. Invariants: a command is answered by one \r, by BEL when refused; frames go out only while the channel
// is open; a line goes out whole or not at all, unless noise is asked for.
#include "holdfast.h"
#include "sim_station.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define BEL            '\a'
#define QUEUE_FRAMES   16u // of the CAN controller: so many wait for somebody to acknowledge them
#define STAMP_MODULUS  60000u
#define NOISE_ONE_IN   8u
#define FLAG_TX_FULL   0x02u
#define FLAG_PASSIVE   0x20u
#define FLAG_BUS_ERROR 0x80u
#define READ_BYTES     1024u

// ---- out ----

static void flush(station_wire_t *wire)
{
    station_adapter_t *adapter = &wire->adapter;
    if (wire->client[0] < 0 || adapter->out_length == 0) {
        return;
    }
    ssize_t written = write(wire->client[0], adapter->out, adapter->out_length);
    if (written > 0) {
        adapter->out_length -= (size_t)written;
        memmove(adapter->out, adapter->out + written, adapter->out_length);
    }
}

static uint32_t dice(station_adapter_t *adapter, uint32_t sides)
{
    adapter->random = adapter->random * 1664525u + 1013904223u;
    return (adapter->random >> 16) % sides;
}

/// What a bad cable makes of a line: a wrong byte, a lost end, or a byte too many.
static size_t damage(station_adapter_t *adapter, char *line, size_t length)
{
    if (!adapter->is_noisy || dice(adapter, NOISE_ONE_IN) != 0) {
        return length;
    }
    size_t at = dice(adapter, (uint32_t)length);
    switch (dice(adapter, 3)) {
    case 0:
        line[at] = (char)dice(adapter, 256);
        return length;
    case 1:
        return at;
    default:
        memmove(line + at + 1, line + at, length - at);
        return length + 1;
    }
}

/// A line, of at most 40 characters.
static void put(station_wire_t *wire, const char *line, size_t length)
{
    station_adapter_t *adapter = &wire->adapter;
    char copy[48];
    memcpy(copy, line, length);
    length = damage(adapter, copy, length);
    if (wire->client[0] < 0 || sizeof adapter->out - adapter->out_length < length) {
        wire->dropped++;
        return;
    }
    memcpy(adapter->out + adapter->out_length, copy, length);
    adapter->out_length += length;
    flush(wire);
}

static void put_text(station_wire_t *wire, const char *text)
{
    put(wire, text, strlen(text));
}

static void slcan_send(station_wire_t *wire, const evse_can_frame_t *frame)
{
    if (!wire->adapter.is_open || wire->is_gone) {
        return;
    }
    char line[40];
    int at = frame->extended ? snprintf(line, sizeof line, "T%08X%u", frame->id, frame->length)
                             : snprintf(line, sizeof line, "t%03X%u", frame->id, frame->length);
    for (unsigned i = 0; i < frame->length; i++) {
        at += snprintf(line + at, sizeof line - (size_t)at, "%02X", frame->data[i]);
    }
    if (wire->adapter.stamps) {
        unsigned ms = (unsigned)(station_clock_us() / STATION_US_PER_MS % STAMP_MODULUS);
        at += snprintf(line + at, sizeof line - (size_t)at, "%04X", ms);
    }
    line[at++] = '\r';
    put(wire, line, (size_t)at);
}

// ---- in ----

static bool read_hex(const char *text, unsigned digits, uint32_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < digits; i++) {
        if (!isxdigit((unsigned char)text[i])) {
            return false;
        }
        int c = toupper((unsigned char)text[i]);
        *value = *value * 16u + (uint32_t)(c <= '9' ? c - '0' : c - 'A' + 10);
    }
    return true;
}

/// A transmit command without its first letter. False when it is none.
static bool read_frame(const station_adapter_t *adapter, evse_can_frame_t *frame)
{
    const char *line = adapter->line;
    bool is_remote = line[0] == 'r' || line[0] == 'R';
    frame->extended = line[0] == 'T' || line[0] == 'R';
    unsigned digits = frame->extended ? 8 : 3;
    if (adapter->length < digits + 2u || !read_hex(line + 1, digits, &frame->id) ||
        frame->id > (frame->extended ? EVSE_CAN_ID_MASK : 0x7FFu)) {
        return false;
    }
    const char *data = line + 2 + digits;
    unsigned length = (unsigned)(line[1 + digits] - '0');
    if (length > 8 || adapter->length != digits + 2u + (is_remote ? 0 : 2 * length)) {
        return false;
    }
    frame->length = (uint8_t)length;
    for (unsigned i = 0; i < length && !is_remote; i++) {
        uint32_t byte;
        if (!read_hex(data + 2 * i, 2, &byte)) {
            return false;
        }
        frame->data[i] = (uint8_t)byte;
    }
    return true;
}

static bool transmit(station_t *station, station_wire_t *wire)
{
    station_adapter_t *adapter = &wire->adapter;
    evse_can_frame_t frame = {0};
    if (!adapter->is_open || adapter->listens_only || !read_frame(adapter, &frame)) {
        wire->refused++;
        return false;
    }
    if (adapter->state == EVSE_CAN_BUS_OFF ||
        (adapter->state == EVSE_CAN_PASSIVE && adapter->waiting >= QUEUE_FRAMES)) {
        return false;
    }
    if (adapter->state == EVSE_CAN_PASSIVE) {
        adapter->waiting++;
    } else if (adapter->line[0] == 't' || adapter->line[0] == 'T') {
        station_wire_heard(station, wire, &frame);
    }
    put_text(wire, adapter->line[0] == 't' || adapter->line[0] == 'r' ? "z\r" : "Z\r");
    return true;
}

static bool open_channel(station_wire_t *wire, bool listens_only)
{
    if (wire->adapter.is_open) {
        return false;
    }
    wire->adapter.is_open = true;
    wire->adapter.listens_only = listens_only;
    wire->adapter.waiting = 0;
    put_text(wire, "\r");
    return true;
}

static bool close_channel(station_wire_t *wire)
{
    if (!wire->adapter.is_open) {
        return false;
    }
    wire->adapter.is_open = false;
    wire->adapter.waiting = 0;
    put_text(wire, "\r");
    return true;
}

static bool tell_flags(station_wire_t *wire)
{
    const station_adapter_t *adapter = &wire->adapter;
    unsigned flags = adapter->state != EVSE_CAN_ACTIVE ? FLAG_PASSIVE : 0;
    flags |= adapter->state == EVSE_CAN_BUS_OFF ? FLAG_BUS_ERROR : 0;
    flags |= adapter->waiting >= QUEUE_FRAMES ? FLAG_TX_FULL : 0;
    char line[8];
    (void)snprintf(line, sizeof line, "F%02X\r", flags);
    put_text(wire, line);
    return adapter->is_open;
}

/// True when the command was taken; a command that answers otherwise than by \r alone has done so.
static bool obey(station_t *station, station_wire_t *wire)
{
    station_adapter_t *adapter = &wire->adapter;
    uint32_t value;
    switch (adapter->line[0]) {
    case 't':
    case 'T':
    case 'r':
    case 'R':
        return transmit(station, wire);
    case 'O':
        return adapter->length == 1 && open_channel(wire, false);
    case 'L':
        return adapter->length == 1 && open_channel(wire, true);
    case 'C':
        return adapter->length == 1 && close_channel(wire);
    case 'F':
        return adapter->length == 1 && adapter->is_open && tell_flags(wire);
    case 'V':
        put_text(wire, "V1013\r");
        return true;
    case 'N':
        put_text(wire, "NSIM1\r");
        return true;
    case 'S': // any rate is ours
        value = adapter->length == 2 ? (uint32_t)(adapter->line[1] - '0') : 9;
        break;
    case 'Z':
        value = adapter->length == 2 ? (uint32_t)(adapter->line[1] - '0') * 8u : 9;
        adapter->stamps = value == 8 ? true : value == 0 ? false : adapter->stamps;
        break;
    case 's': // timing registers, acceptance filters, polling, baud rate: taken, of no effect
    case 'M':
    case 'm':
    case 'X':
    case 'W':
    case 'U':
        value = adapter->length > 1 &&
                        read_hex(adapter->line + 1, (unsigned)adapter->length - 1u, &value)
                    ? 0
                    : 9;
        break;
    default:
        return false;
    }
    if (value > 8 || adapter->is_open) {
        return false;
    }
    put_text(wire, "\r");
    return true;
}

static void feed(station_t *station, station_wire_t *wire, char c)
{
    station_adapter_t *adapter = &wire->adapter;
    if (c == '\n') {
        return;
    }
    if (c != '\r') {
        adapter->skips = adapter->skips || adapter->length == sizeof adapter->line - 1;
        if (!adapter->skips) {
            adapter->line[adapter->length++] = c;
        }
        return;
    }
    adapter->line[adapter->length] = '\0';
    if (adapter->skips || (adapter->length > 0 && !obey(station, wire))) {
        put_text(wire, (char[]){BEL, '\0'});
    } else if (adapter->length == 0) {
        put_text(wire, "\r");
    }
    adapter->length = 0;
    adapter->skips = false;
}

static void hang_up(station_wire_t *wire)
{
    station_close_fd(&wire->client[0]);
    uint32_t random = wire->adapter.random;
    bool is_noisy = wire->adapter.is_noisy;
    wire->adapter = (station_adapter_t){
        .slave = -1, .random = random, .is_noisy = is_noisy, .state = wire->adapter.state};
}

static void slcan_receive(station_t *station, station_wire_t *wire, unsigned client)
{
    if (client == STATION_LISTENER) {
        int fd = station_accept(wire->listener);
        if (fd >= 0 && wire->is_gone) {
            (void)close(fd);
        } else if (fd >= 0) {
            hang_up(wire); // a new one replaces the old
            wire->client[0] = fd;
            (void)station_watch(station, fd, station_tag(STATION_WIRE, wire->index, 0));
        }
        return;
    }
    char bytes[READ_BYTES];
    ssize_t length = read(wire->client[0], bytes, sizeof bytes);
    if (length <= 0 && (length == 0 || (errno != EAGAIN && errno != EINTR))) {
        hang_up(wire);
        return;
    }
    for (ssize_t i = 0; i < length; i++) {
        feed(station, wire, bytes[i]);
    }
}

// Some adapters tell the state unasked, with the error counters of a controller.
static void slcan_tick(station_t *station, station_wire_t *wire, evse_can_state_t state)
{
    static const char *const lines[] = {[EVSE_CAN_ACTIVE] = "sa000000\r",
                                        [EVSE_CAN_PASSIVE] = "sp000128\r",
                                        [EVSE_CAN_BUS_OFF] = "sb000255\r"};
    (void)station;
    if (wire->adapter.state != state) {
        wire->adapter.state = state;
        wire->adapter.waiting = 0;
        if (wire->adapter.is_open) {
            put_text(wire, lines[state]);
        }
    }
    flush(wire);
}

// ---- pseudo terminal ----

/// A link that leads nowhere, or to another pseudo terminal, is ours to replace.
static int clear_link(const char *path)
{
    struct stat info;
    char target[STATION_PATH_BYTES];
    if (lstat(path, &info) != 0) {
        return TOOL_GOOD;
    }
    ssize_t length = S_ISLNK(info.st_mode) ? readlink(path, target, sizeof target) : -1;
    if (length < 9 || strncmp(target, "/dev/pts/", 9) != 0) {
        return tool_fail(TOOL_ENVIRONMENT, "sim", "%s exists and is no link to a terminal", path);
    }
    (void)unlink(path);
    return TOOL_GOOD;
}

static int link_terminal(station_t *station, station_wire_t *wire, int master)
{
    struct termios mode;
    const char *name = grantpt(master) == 0 && unlockpt(master) == 0 ? ptsname(master) : NULL;
    int slave = name != NULL ? open(name, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (slave < 0 || tcgetattr(slave, &mode) != 0) {
        return -1;
    }
    wire->adapter.slave = slave;
    cfmakeraw(&mode);
    if (tcsetattr(slave, TCSANOW, &mode) != 0 || symlink(name, wire->path) != 0 ||
        station_watch(station, master, station_tag(STATION_WIRE, wire->index, 0)) != 0) {
        return -1;
    }
    return 0;
}

static int pty_open(station_t *station, station_wire_t *wire)
{
    int code = clear_link(wire->path);
    if (code != TOOL_GOOD) {
        return code;
    }
    hang_up(wire);
    wire->client[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (wire->client[0] < 0 || link_terminal(station, wire, wire->client[0]) != 0) {
        return tool_fail(TOOL_ENVIRONMENT, "sim", "%s: %s", wire->spec, strerror(errno));
    }
    return TOOL_GOOD;
}

static void pty_close(station_wire_t *wire)
{
    if (wire->adapter.slave >= 0) {
        (void)unlink(wire->path);
        station_close_fd(&wire->adapter.slave);
    }
    station_close_fd(&wire->client[0]);
}

static void pty_plug(station_t *station, station_wire_t *wire, bool plugged)
{
    if (!plugged) {
        pty_close(wire);
    } else if (pty_open(station, wire) != TOOL_GOOD) {
        station->ends = true; // told already
    }
}

// ---- stream socket ----

static int unix_open(station_t *station, station_wire_t *wire)
{
    hang_up(wire);
    return station_listen(station, wire->path, SOCK_STREAM,
                          station_tag(STATION_WIRE, wire->index, STATION_LISTENER),
                          &wire->listener);
}

static void unix_plug(station_t *station, station_wire_t *wire, bool plugged)
{
    (void)station;
    if (!plugged) {
        hang_up(wire);
    }
}

const station_wire_ops_t station_slcan_pty = {
    .prefix = "slcan-pty:",
    .help = "LINK  an SLCAN adapter on a new pseudo terminal, LINK leads to it",
    .open = pty_open,
    .receive = slcan_receive,
    .send = slcan_send,
    .tick = slcan_tick,
    .plug = pty_plug,
    .close = pty_close};
const station_wire_ops_t station_slcan_unix = {.prefix = "slcan-unix:",
                                               .help = "PATH  an SLCAN adapter on a stream socket",
                                               .open = unix_open,
                                               .receive = slcan_receive,
                                               .send = slcan_send,
                                               .tick = slcan_tick,
                                               .plug = unix_plug};
