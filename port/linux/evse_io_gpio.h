// SPDX-License-Identifier: MIT
// Inputs and outputs on GPIO lines of the kernel (libgpiod 1.6): the back end of evse_io for a board. A small file names
// the lines (docs/PORTING.md). Levels are read in every tick and are the truth; the edge of an emergency stop loop only
// wakes the control loop at once. The live signal is a line that toggles with every tick that wants the contactor held.
#ifndef EVSE_IO_GPIO_H
#define EVSE_IO_GPIO_H

#include "evse/evse_io.h"

#define EVSE_GPIO_CHIP_BYTES  32u
#define EVSE_GPIO_ERROR_BYTES 192u

typedef enum evse_gpio_flags {
    EVSE_GPIO_ACTIVE_LOW = 1,
    EVSE_GPIO_PULL_UP = 2,
    EVSE_GPIO_PULL_DOWN = 4,
    EVSE_GPIO_OPEN_DRAIN = 8,
} evse_gpio_flags_t;

typedef struct evse_gpio_pin {
    char chip[EVSE_GPIO_CHIP_BYTES]; // "" none
    uint32_t offset;
    uint32_t flags; // evse_gpio_flags_t
} evse_gpio_pin_t;

typedef struct evse_gpio_pins {
    evse_gpio_pin_t input[EVSE_INPUT_COUNT];
    evse_gpio_pin_t output[EVSE_OUTPUT_COUNT];
    evse_gpio_pin_t live;
} evse_gpio_pins_t;

/// Where a file is wrong: "FILE:3: no such input: plugg".
typedef struct evse_gpio_error {
    char text[EVSE_GPIO_ERROR_BYTES];
} evse_gpio_error_t;

/// Reads and checks the file; touches no line. HF_E_NOT_FOUND (no file), HF_E_FORMAT (error says where and what).
/// Every connector needs the inputs plug, lock_feedback, contactor_feedback, estop, latch_reset, the output contactor and
/// live; connectors may share the line of an input of the same name.
HF_MUST_CHECK int evse_gpio_file_read(const char *path, unsigned connectors, evse_gpio_pins_t *pins,
                                      evse_gpio_error_t *error);

struct gpiod_line;

/// Context: the control loop.
typedef struct evse_io_gpio {
    evse_gpio_pins_t pins[CONFIG_EVSE_CONNECTORS_MAX];
    unsigned connectors;
    struct gpiod_line *input[CONFIG_EVSE_CONNECTORS_MAX][EVSE_INPUT_COUNT];
    struct gpiod_line *output[CONFIG_EVSE_CONNECTORS_MAX][EVSE_OUTPUT_COUNT];
    struct gpiod_line *live[CONFIG_EVSE_CONNECTORS_MAX];
    int edges; // epoll of the emergency stop loops; -1: closed
    evse_gpio_error_t error;
    uint32_t read_errors, drive_errors;
    uint32_t edges_seen;  // loops that were seen to open
    uint32_t edges_blind; // loops whose line tells no edges: the level of each tick alone counts
} evse_io_gpio_t;

/// Requests all lines, outputs at 0. As evse_gpio_file_read(), HF_E_RANGE (connectors), HF_E_IO (a line cannot be had).
HF_MUST_CHECK int evse_io_gpio_open(evse_io_gpio_t *gpio, const char *path, unsigned connectors);
/// What a failed open() was about, for people.
const char *evse_io_gpio_error(const evse_io_gpio_t *gpio);
/// Outputs to 0, lines released.
void evse_io_gpio_close(evse_io_gpio_t *gpio);
/// Readable when the edge of an emergency stop loop waits; -1 none does ever.
int evse_io_gpio_fd(const evse_io_gpio_t *gpio);
/// Takes the waiting edges: true when a loop was opened (evse_control_trip() is due). [SAF-01] Never blocks.
bool evse_io_gpio_look(evse_io_gpio_t *gpio, uint64_t now_us);
extern const evse_io_ops_t evse_io_gpio_ops; // ctx: evse_io_gpio_t

#endif
