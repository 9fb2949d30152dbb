// SPDX-License-Identifier: MIT
// Inputs and outputs: a const table of names, valid ages and safe values, and the seam behind which pins, an expander or
// a simulator stands. Inputs are sampled as levels; one that is too old reads as its safe value.
#ifndef EVSE_IO_H
#define EVSE_IO_H

#include "evse/evse_timing.h"
#include "holdfast/hf_status.h"

// X(name, text, valid_age_ms, safe value). ESTOP is the level of a normally closed loop: 1 closed, all is well.
#define EVSE_INPUT_TABLE(X)                                                                        \
    X(PLUG, "plug", 500, 0)                                                                        \
    X(LOCK_FEEDBACK, "lock_feedback", 500, 0)                                                      \
    X(CONTACTOR_FEEDBACK, "contactor_feedback", 250, 0)                                            \
    X(ESTOP, "estop", 250, 0)                                                                      \
    X(LATCH_RESET, "latch_reset", 250, 0)                                                          \
    X(START_BUTTON, "start_button", 250, 0)                                                        \
    X(STOP_BUTTON, "stop_button", 250, 0)

// X(name, text, safe value). CONTACTOR is held by the live signal besides: see evse_io_drive_t.
#define EVSE_OUTPUT_TABLE(X)                                                                       \
    X(CONTACTOR, "contactor", 0)                                                                   \
    X(LOCK, "lock", 0)                                                                             \
    X(LIGHT_READY, "light_ready", 0)                                                               \
    X(LIGHT_CHARGING, "light_charging", 0)                                                         \
    X(LIGHT_FAULT, "light_fault", 0)                                                               \
    X(LIGHT_NETWORK, "light_network", 0)

typedef enum evse_input {
#define EVSE_INPUT_ENUM(name, text, age, safe) EVSE_IN_##name,
    EVSE_INPUT_TABLE(EVSE_INPUT_ENUM)
#undef EVSE_INPUT_ENUM
        EVSE_INPUT_COUNT
} evse_input_t;

typedef enum evse_output {
#define EVSE_OUTPUT_ENUM(name, text, safe) EVSE_OUT_##name,
    EVSE_OUTPUT_TABLE(EVSE_OUTPUT_ENUM)
#undef EVSE_OUTPUT_ENUM
        EVSE_OUTPUT_COUNT
} evse_output_t;

typedef struct evse_io_info {
    const char *name;
    uint32_t valid_age_ms; // inputs only
    bool safe_value;
} evse_io_info_t;
extern const evse_io_info_t evse_input_info[EVSE_INPUT_COUNT];
extern const evse_io_info_t evse_output_info[EVSE_OUTPUT_COUNT];

/// Levels of one connector's inputs with the time each was last known.
typedef struct evse_io_inputs {
    bool level[EVSE_INPUT_COUNT];
    uint64_t stamp_us[EVSE_INPUT_COUNT]; // 0 never
} evse_io_inputs_t;

/// Levels commanded. `live_count` is the live signal: it advances in every tick that wants the contactor held, and the
/// hardware behind the seam opens the contactor by itself when it stands still for EVSE_LIVE_SIGNAL_TIMEOUT_MS.
typedef struct evse_io_drive {
    bool level[EVSE_OUTPUT_COUNT];
    uint32_t live_count;
} evse_io_drive_t;

typedef struct evse_io_ops {
    /// Updates what is known of a connector's inputs (index from 0). Never blocks. A negative status: nothing new.
    int (*sample)(void *ctx, unsigned connector, uint64_t now_us, evse_io_inputs_t *inputs);
    /// Commands the outputs. Called every tick. Never blocks. A negative status: not delivered.
    int (*drive)(void *ctx, unsigned connector, const evse_io_drive_t *drive);
} evse_io_ops_t;

typedef struct evse_io {
    const evse_io_ops_t *ops;
    void *ctx;
} evse_io_t;

/// The level, or the table's safe value when it is stale or was never seen.
bool evse_io_level(const evse_io_inputs_t *inputs, evse_input_t input, uint64_t now_us);
bool evse_io_is_fresh(const evse_io_inputs_t *inputs, evse_input_t input, uint64_t now_us);

#endif
