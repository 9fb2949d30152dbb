// SPDX-License-Identifier: MIT
// Tripwires: limits that are looked at all the time, and what follows when one is passed. A wire warns, then trips; it is told
// once, and armed again only when the value has come back by its hysteresis. What follows is a table (the trip policy), carried
// out by whoever owns the device. Neither heap nor deep stack. Invariant: between arming and arming a wire acts once a level.
#ifndef HF_TRIPWIRE_H
#define HF_TRIPWIRE_H

#include "holdfast/hf_status.h"

#ifdef __cplusplus
extern "C" {
#endif

// X(name, text, falls): `falls`: the value is bad when it is low.
#define HF_WIRE_TABLE(X)                                                                           \
    X(INTERNAL_MIN, "internal_min", true)    /* least free internal bytes since boot */            \
    X(INTERNAL_FREE, "internal_free", true)  /* bytes free now */                                  \
    X(FRAGMENTATION, "fragmentation", false) /* percent */                                         \
    X(POOL, "pool", false)                   /* percent in use */                                  \
    X(REFUSED, "refused_take", false)        /* takes refused, since boot */                       \
    X(LATE, "late_task", false)              /* ms beyond the last check-in's deadline */          \
    X(LOCK, "lock_timeout", false)           /* time-outs, since boot */                           \
    X(STACK, "stack", true)                  /* bytes never touched */

typedef enum hf_wire_kind {
#define HF_WIRE_ENUM(name, text, falls) HF_WIRE_##name,
    HF_WIRE_TABLE(HF_WIRE_ENUM)
#undef HF_WIRE_ENUM
        HF_WIRE_KINDS
} hf_wire_kind_t;
const char *hf_wire_text(unsigned kind);

/// What follows, the milder first: the policy of several wires is the gravest.
typedef enum hf_trip_action {
    HF_TRIP_OBSERVE,      // tell it
    HF_TRIP_SHED,         // give up what is not charging: pages, uploads, MQTT
    HF_TRIP_FINISH_RESET, // let sessions end, start none, then restart
    HF_TRIP_RESET_NOW,    // contactor first, then restart
    HF_TRIP_ACTIONS
} hf_trip_action_t;
const char *hf_trip_action_text(unsigned action);

/// A row of the policy. Limits of a value that falls: warn >= trip; of one that rises: warn <= trip. Equal limits: no warning.
/// A counter (REFUSED, LOCK) trips at each growth by `trip` or more since it was told last.
typedef struct hf_wire {
    hf_wire_kind_t kind;
    uint32_t warn, trip;
    uint32_t hysteresis; // the value has to come back by this much; a minimum since boot never does
    hf_trip_action_t on_warn, on_trip;
} hf_wire_t;

typedef enum hf_wire_level { HF_WIRE_ARMED, HF_WIRE_WARNED, HF_WIRE_TRIPPED } hf_wire_level_t;

typedef struct hf_trip_event {
    const hf_wire_t *wire;
    hf_wire_level_t level;
    uint32_t value, limit;
    const char *tag;  // the snapshot under way, or the last one; never NULL
    const char *name; // pool, task or lock; NULL for memory
    hf_trip_action_t action;
} hf_trip_event_t;

#define HF_WIRES_MAX      12u
#define HF_WIRE_NAMES_MAX 24u // pools, tasks or locks a wire tells apart

typedef struct hf_tripwire {
    const hf_wire_t *wires;
    uint32_t count;
    uint8_t level[HF_WIRES_MAX][HF_WIRE_NAMES_MAX]; // hf_wire_level_t
    uint32_t told[HF_WIRES_MAX][HF_WIRE_NAMES_MAX]; // of a counter: its value when it was told last
    uint32_t checks, warnings, trips;
    hf_trip_action_t gravest; // since boot
    void (*on_trip)(void *ctx, const hf_trip_event_t *event);
    void *ctx;
} hf_tripwire_t;

/// The table lives as long as the instance. HF_E_ARGUMENT, HF_E_RANGE: limits in the wrong order, too many wires.
HF_MUST_CHECK int hf_tripwire_init(hf_tripwire_t *tripwire, const hf_wire_t *wires, uint32_t count,
                                   void (*on_trip)(void *ctx, const hf_trip_event_t *event),
                                   void *ctx);
/// Shows a value to every wire of its kind. `index` tells pools, tasks, locks apart (0 for memory); `tag` and `name` as in the
/// event. Calls on_trip() for each level newly reached. Context: one, the telemetry's loop. Cost: O(wires), below 100 B of stack.
void hf_tripwire_check(hf_tripwire_t *tripwire, hf_wire_kind_t kind, unsigned index, uint32_t value,
                       const char *tag, const char *name);

#ifdef __cplusplus
}
#endif

#endif
