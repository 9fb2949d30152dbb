// SPDX-License-Identifier: MIT
// Tripwires: limits that are looked at all the time, and what follows when one is passed. A wire warns, then trips; it is
// told once, and armed again only when the value has come back by its hysteresis. What follows is a table (the trip
// policy), carried out by whoever owns the device. Neither heap nor deep stack. Invariant: between arming and arming a
// wire acts once a level.
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

/// A row of the policy. A value that falls is bad below its limit (warn >= trip; a limit of 0 is never passed), one that
/// rises from its limit on (1 <= warn <= trip). Equal limits: no warning. What passes both at once is told as a trip
/// alone. A counter (REFUSED, LOCK) warns once when it has grown by `warn` since the last trip, and trips at each growth
/// by `trip`.
typedef struct hf_wire {
    hf_wire_kind_t kind;
    uint32_t warn, trip;
    uint32_t hysteresis; // the value has to come back by this much, or to 0 if it rises
    hf_trip_action_t on_warn, on_trip; // on_warn is not the graver
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

#define HF_WIRES_MAX         12u
#define HF_WIRE_COUNTERS_MAX 2u  // of them for counters
#define HF_WIRE_NAMES_MAX    32u // pools, tasks or locks a wire tells apart

/// A value for the wires of its kind. `index` tells pools, tasks, locks apart (0 for memory); `tag`, `name` as in the event.
typedef struct hf_wire_reading {
    hf_wire_kind_t kind;
    unsigned index;
    uint32_t value;
    const char *tag, *name;
} hf_wire_reading_t;

typedef struct hf_tripwire {
    const hf_wire_t *wires;
    uint32_t count;
    uint32_t good_from[HF_WIRE_KINDS],
        good_span[HF_WIRE_KINDS]; // values that no wire of a kind minds
    uint32_t
        loud; // bit per kind: a wire of it was told and is not armed again, or a counter counted
    uint32_t warned[HF_WIRES_MAX], tripped[HF_WIRES_MAX];   // bit per name
    uint32_t told[HF_WIRE_COUNTERS_MAX][HF_WIRE_NAMES_MAX]; // of a counter: where it last tripped
    uint32_t checks, warnings, trips;
    uint32_t beyond;          // readings not looked at: index from HF_WIRE_NAMES_MAX on
    hf_trip_action_t gravest; // since boot
    void (*on_trip)(void *ctx, const hf_trip_event_t *event);
    void *ctx;
} hf_tripwire_t;

/// The table lives as long as the instance; on_trip NULL: counted only. HF_E_ARGUMENT: no table; HF_E_RANGE: limits or
/// actions in the wrong order, a kind or action that is none, too many wires or wires for counters.
HF_MUST_CHECK int hf_tripwire_init(hf_tripwire_t *tripwire, const hf_wire_t *wires, uint32_t count,
                                   void (*on_trip)(void *ctx, const hf_trip_event_t *event),
                                   void *ctx);
/// Shows a value to every wire of its kind, which calls on_trip() when it reaches a level anew. Context: one, the
/// telemetry's loop. Cost: O(1) for a value that is good and was; else O(wires), below 100 B of stack and on_trip()'s.
void hf_tripwire_check(hf_tripwire_t *tripwire, const hf_wire_reading_t *reading);
/// Whether hf_tripwire_check() would do nothing with the value but count it.
HF_INLINE bool hf_tripwire_is_quiet(const hf_tripwire_t *tripwire, hf_wire_kind_t kind,
                                    uint32_t value)
{
    return (unsigned)kind < HF_WIRE_KINDS && (tripwire->loud >> kind & 1u) == 0 &&
           value - tripwire->good_from[kind] <= tripwire->good_span[kind];
}
/// The gravest action of what is beyond its limit right now: for shedding that ends. A counter's trip is a moment, not
/// counted here.
hf_trip_action_t hf_tripwire_standing(const hf_tripwire_t *tripwire);

/// The trip policy as shipped; copy it to change a row.
#define HF_TRIPWIRE_DEFAULTS 9u
extern const hf_wire_t hf_tripwire_defaults[HF_TRIPWIRE_DEFAULTS];

#ifdef __cplusplus
}
#endif

#endif
