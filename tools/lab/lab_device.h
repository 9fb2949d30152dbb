// SPDX-License-Identifier: MIT
// A device under test behind one interface: a serial port, a TCP serial bridge, a file or pty, the shipped holdfastd
// with its world (--sim), or holdfast-simd in stepped time. What is optional is NULL in the table: the engine asks
// before it plans. Invariants: nothing waits longer than it says; a device that went away is opened again with a pause
// between attempts, never in a spin; what a device started it ends, by process id, however far the start had come.
#ifndef LAB_DEVICE_H
#define LAB_DEVICE_H

#include "lab.h"

#include <poll.h>

#define LAB_DEVICE_FDS       8u
#define LAB_DEVICE_RETRY_MS  250u
#define LAB_DEVICE_ARGUMENTS 24u

typedef enum lab_kind { LAB_SERIAL, LAB_TCP, LAB_FILE, LAB_SIM, LAB_STEPPED } lab_kind_t;

/// Who may be spoken to beside the device, and whose events are heard: JSON, a line each.
typedef enum lab_who { LAB_VEHICLE, LAB_CENTRAL } lab_who_t;

/// What a simulated or stepped device is to be; a real one takes none of it.
typedef struct lab_world {
    bool needs_vehicle, needs_central, needs_broker; // what is started beside holdfastd
    int64_t heartbeat_s;
    int64_t tripwire_bytes;                     // -1: the device's own
    const char *heap;                           // "internal=320K,psram=8M"; NULL: no budget
    int64_t fail_take;                          // 0: none
    int64_t cut_power_at;                       // stepped: the n-th write; 0 none
    int64_t hours, sessions, reboot_h, outages; // stepped
    uint64_t seed;
    const char *preload; // a library for holdfastd, of a test; NULL: none
    unsigned arguments;  // further ones
    const char *argument[LAB_DEVICE_ARGUMENTS];
} lab_world_t;

typedef struct lab_device_config {
    lab_kind_t kind;
    char port[160]; // path, or HOST:PORT; "auto": the first that is there
    int64_t baud;
    lab_world_t world;
    char logs[256]; // directory for what its programs say; "" none
} lab_device_config_t;

typedef struct lab_device lab_device_t;

typedef struct lab_device_ops {
    const char *name;
    /// LAB_PASS, or an exit status after a sentence. Context: blocks for at most 20 s.
    int (*open)(lab_device_t *device);
    /// Bytes that are there, and when they came (UTC s; stepped: the device's own time). 0: nothing now; -1: it has
    /// ended for good.
    long (*read)(lab_device_t *device, char *bytes, size_t size, double *ts);
    /// A reset from outside, without the firmware's help; NULL: there is no such line. -1: not possible.
    int (*reset)(lab_device_t *device);
    /// What poll() may wait for; at most LAB_DEVICE_FDS.
    unsigned (*descriptors)(const lab_device_t *device, struct pollfd *fds);
    void (*close)(lab_device_t *device);
    // Of a simulated device; NULL elsewhere.
    int (*power)(lab_device_t *device, bool on); // off: like a plug that is pulled
    int (*network)(lab_device_t *device,
                   bool up); // down: nothing answers any more, nothing is closed
    int (*central)(lab_device_t *device, bool up); // down: the central system's program ends
    int (*tell)(lab_device_t *device, lab_who_t who, const char *line);
    int (*can)(lab_device_t *device); // one more station on its CAN bus: a descriptor, -1 none
} lab_device_ops_t;

struct lab_device {
    const lab_device_ops_t *ops;
    lab_device_config_t config;
    int fd;             // -1: gone
    uint64_t retry_us;  // no attempt before
    uint32_t reopened;  // times it went away and came back
    char path[160];     // the one that was found
    char http[64];      // HOST:PORT of its portal, where the device itself knows; "" from "Got IP:"
    char refused[256];  // it ended at once: its program does not start like this, and said so
    int refused_code;   // LAB_USAGE, LAB_ENVIRONMENT
    char wrong[200];    // what happened to its programs; the engine takes it and empties it
    char gone[160];     // closed: what of its world had ended unasked before; "" nothing
    int exit_code;      // stepped, ended: 0 good, 1 its own verdict is bad, 3 environment
    char verdict[8192]; // stepped, ended: its result, a JSON object
    void (*on_event)(void *ctx, lab_who_t who, const char *line);
    void *ctx;
    void *own; // of the kind
};

extern const lab_device_ops_t lab_device_serial, lab_device_tcp, lab_device_file, lab_device_sim,
    lab_device_stepped;

/// "auto", "tcp:HOST:PORT", a path of a port or file. LAB_PASS, or LAB_USAGE after a sentence.
int lab_device_parse(const char *spec, lab_device_config_t *config);
/// LAB_PASS, or an exit status after a sentence; then nothing is left over.
int lab_device_open(lab_device_t *device, const lab_device_config_t *config);
void lab_device_close(lab_device_t *device);
uint64_t lab_clock_us(void); // monotonic
void lab_sleep_ms(unsigned ms);

// ---- shared by the kinds ----

/// Where this program's siblings are: "<its directory>/<name>". False: there is none.
bool lab_sibling(const char *name, char *path, size_t capacity);
/// read() as the interface wants it; closes a descriptor that has broken, so that it is opened again.
long lab_device_read_fd(lab_device_t *device, char *bytes, size_t size);
void lab_device_gone(lab_device_t *device);
/// True at most every LAB_DEVICE_RETRY_MS while the device is gone.
bool lab_device_may_retry(lab_device_t *device);
unsigned lab_device_one_fd(const lab_device_t *device, struct pollfd *fds);

#endif
