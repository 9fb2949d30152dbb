// SPDX-License-Identifier: MIT
// Tripwires. Per wire and name two bits say which levels were told; a counter keeps the value it last tripped at, and grows
// modulo 2^32. Invariant: a bit is set when its level is told and cleared only when the value has come back.
#include "holdfast/hf_tripwire.h"

#include <string.h>

#define GROWTH_MAX (UINT32_MAX / 2u) // more is a counter that was reset

static const char *const kind_texts[] = {
#define KIND_TEXT(name, text, falls) text,
    HF_WIRE_TABLE(KIND_TEXT)
#undef KIND_TEXT
};

static const bool kind_falls[] = {
#define KIND_FALLS(name, text, falls) falls,
    HF_WIRE_TABLE(KIND_FALLS)
#undef KIND_FALLS
};

static const char *const action_texts[HF_TRIP_ACTIONS] = {
    [HF_TRIP_OBSERVE] = "observe",
    [HF_TRIP_SHED] = "shed",
    [HF_TRIP_FINISH_RESET] = "finish_reset",
    [HF_TRIP_RESET_NOW] = "reset_now",
};

// A margin of no more than a word is a stack that has overflowed: nothing after it can be trusted.
#define STACK_GONE_BYTES 8u

const hf_wire_t hf_tripwire_defaults[HF_TRIPWIRE_DEFAULTS] = {
    {HF_WIRE_INTERNAL_MIN, 20000, 10240, 0, HF_TRIP_OBSERVE, HF_TRIP_SHED},
    {HF_WIRE_INTERNAL_FREE, 10240, 4096, 4096, HF_TRIP_SHED, HF_TRIP_FINISH_RESET},
    {HF_WIRE_FRAGMENTATION, 30, 50, 5, HF_TRIP_OBSERVE, HF_TRIP_SHED},
    {HF_WIRE_POOL, 80, 100, 10, HF_TRIP_OBSERVE, HF_TRIP_SHED},
    {HF_WIRE_REFUSED, 1, 1, 0, HF_TRIP_OBSERVE, HF_TRIP_OBSERVE},
    {HF_WIRE_LATE, 500, 5000, 100, HF_TRIP_OBSERVE, HF_TRIP_FINISH_RESET},
    {HF_WIRE_LOCK, 1, 1, 0, HF_TRIP_OBSERVE, HF_TRIP_OBSERVE},
    {HF_WIRE_STACK, 1024, 512, 0, HF_TRIP_OBSERVE, HF_TRIP_SHED},
    {HF_WIRE_STACK, STACK_GONE_BYTES, STACK_GONE_BYTES, 0, HF_TRIP_RESET_NOW, HF_TRIP_RESET_NOW},
};

const char *hf_wire_text(unsigned kind)
{
    return kind < HF_WIRE_KINDS ? kind_texts[kind] : "unknown";
}

const char *hf_trip_action_text(unsigned action)
{
    return action < HF_TRIP_ACTIONS ? action_texts[action] : "unknown";
}

static bool is_counter(hf_wire_kind_t kind)
{
    return kind == HF_WIRE_REFUSED || kind == HF_WIRE_LOCK;
}

static bool is_wire(const hf_wire_t *wire)
{
    if ((unsigned)wire->kind >= HF_WIRE_KINDS || (unsigned)wire->on_trip >= HF_TRIP_ACTIONS ||
        (unsigned)wire->on_warn > (unsigned)wire->on_trip) {
        return false;
    }
    return kind_falls[wire->kind] ? wire->warn >= wire->trip
                                  : wire->warn >= 1u && wire->warn <= wire->trip;
}

/// Of the values that no wire of the kind minded so far, those that this one does not mind either.
static void narrow(hf_tripwire_t *tripwire, const hf_wire_t *wire)
{
    uint32_t *from = &tripwire->good_from[wire->kind], *span = &tripwire->good_span[wire->kind];
    if (is_counter(wire->kind)) {
        *span = 0;
    } else if (kind_falls[wire->kind]) {
        *from = wire->warn > *from ? wire->warn : *from;
        *span = UINT32_MAX - *from;
    } else {
        *span = wire->warn - 1u < *span ? wire->warn - 1u : *span;
    }
}

int hf_tripwire_init(hf_tripwire_t *tripwire, const hf_wire_t *wires, uint32_t count,
                     void (*on_trip)(void *ctx, const hf_trip_event_t *event), void *ctx)
{
    if (tripwire == NULL || wires == NULL || count == 0) {
        return HF_E_ARGUMENT;
    }
    uint32_t counters = 0;
    if (count > HF_WIRES_MAX) {
        return HF_E_RANGE;
    }
    for (uint32_t i = 0; i < count; i++) {
        counters += is_counter(wires[i].kind) ? 1u : 0u;
        if (!is_wire(&wires[i]) || counters > HF_WIRE_COUNTERS_MAX) {
            return HF_E_RANGE;
        }
    }
    *tripwire = (hf_tripwire_t){.wires = wires, .count = count, .on_trip = on_trip, .ctx = ctx};
    memset(tripwire->good_span, 0xFF, sizeof tripwire->good_span);
    for (uint32_t i = 0; i < count; i++) {
        narrow(tripwire, &wires[i]);
    }
    return HF_OK;
}

static void tell(hf_tripwire_t *tripwire, const hf_wire_t *wire, hf_wire_level_t level,
                 const hf_wire_reading_t *reading)
{
    const bool is_trip = level == HF_WIRE_TRIPPED;
    const hf_trip_event_t event = {
        .wire = wire,
        .level = level,
        .value = reading->value,
        .limit = is_trip ? wire->trip : wire->warn,
        .tag = reading->tag != NULL ? reading->tag : "",
        .name = reading->name,
        .action = is_trip ? wire->on_trip : wire->on_warn,
    };
    tripwire->trips += is_trip ? 1u : 0u;
    tripwire->warnings += is_trip ? 0u : 1u;
    if (event.action > tripwire->gravest) {
        tripwire->gravest = event.action;
    }
    if (tripwire->on_trip != NULL) {
        tripwire->on_trip(tripwire->ctx, &event);
    }
}

static bool is_bad(const hf_wire_t *wire, uint32_t limit, uint32_t value)
{
    return kind_falls[wire->kind] ? value < limit : value >= limit;
}

/// Whether the value has come back from beyond the limit by the hysteresis.
static bool is_back(const hf_wire_t *wire, uint32_t limit, uint32_t value)
{
    if (kind_falls[wire->kind]) {
        return value >= limit && value - limit >= wire->hysteresis;
    }
    return value < limit && (value == 0 || limit - value > wire->hysteresis);
}

static void look_at_level(hf_tripwire_t *tripwire, uint32_t row, const hf_wire_reading_t *reading)
{
    const hf_wire_t *wire = &tripwire->wires[row];
    const uint32_t bit = 1u << reading->index;
    if (is_back(wire, wire->trip, reading->value)) {
        tripwire->tripped[row] &= ~bit;
    }
    if (is_back(wire, wire->warn, reading->value)) {
        tripwire->warned[row] &= ~bit;
    }
    if (is_bad(wire, wire->trip, reading->value)) {
        const bool is_news = (tripwire->tripped[row] & bit) == 0;
        tripwire->tripped[row] |= bit;
        tripwire->warned[row] |= bit;
        if (is_news) {
            tell(tripwire, wire, HF_WIRE_TRIPPED, reading);
        }
    } else if (is_bad(wire, wire->warn, reading->value) && (tripwire->warned[row] & bit) == 0) {
        tripwire->warned[row] |= bit;
        tell(tripwire, wire, HF_WIRE_WARNED, reading);
    }
}

static void look_at_counter(hf_tripwire_t *tripwire, uint32_t row, uint32_t counter,
                            const hf_wire_reading_t *reading)
{
    const hf_wire_t *wire = &tripwire->wires[row];
    const uint32_t bit = 1u << reading->index;
    uint32_t *told = &tripwire->told[counter][reading->index];
    const uint32_t growth = reading->value - *told;
    if (growth > GROWTH_MAX || growth >= wire->trip) {
        *told = reading->value;
        tripwire->warned[row] &= ~bit;
        if (growth <= GROWTH_MAX) {
            tell(tripwire, wire, HF_WIRE_TRIPPED, reading);
        }
    } else if (growth >= wire->warn && (tripwire->warned[row] & bit) == 0) {
        tripwire->warned[row] |= bit;
        tell(tripwire, wire, HF_WIRE_WARNED, reading);
    }
}

static void look(hf_tripwire_t *tripwire, const hf_wire_reading_t *reading)
{
    uint32_t counter = 0, told = 0;
    for (uint32_t row = 0; row < tripwire->count; row++) {
        const hf_wire_kind_t kind = tripwire->wires[row].kind;
        if (kind == reading->kind) {
            if (is_counter(kind)) {
                look_at_counter(tripwire, row, counter, reading);
                told = 1u; // one that counted may be reset to 0
            } else {
                look_at_level(tripwire, row, reading);
                told |= tripwire->warned[row] | tripwire->tripped[row];
            }
        }
        counter += is_counter(kind) ? 1u : 0u;
    }
    const uint32_t bit = 1u << reading->kind;
    tripwire->loud = told != 0 ? tripwire->loud | bit : tripwire->loud & ~bit;
}

void hf_tripwire_check(hf_tripwire_t *tripwire, const hf_wire_reading_t *reading)
{
    tripwire->checks++;
    if ((unsigned)reading->kind >= HF_WIRE_KINDS ||
        hf_tripwire_is_quiet(tripwire, reading->kind, reading->value)) {
        return;
    }
    if (reading->index >= HF_WIRE_NAMES_MAX) {
        tripwire->beyond++;
        return;
    }
    look(tripwire, reading);
}

hf_trip_action_t hf_tripwire_standing(const hf_tripwire_t *tripwire)
{
    hf_trip_action_t gravest = HF_TRIP_OBSERVE;
    for (uint32_t row = 0; row < tripwire->count; row++) {
        const hf_wire_t *wire = &tripwire->wires[row];
        if (is_counter(wire->kind)) {
            continue;
        }
        if (tripwire->tripped[row] != 0 && wire->on_trip > gravest) {
            gravest = wire->on_trip;
        } else if (tripwire->warned[row] != 0 && wire->on_warn > gravest) {
            gravest = wire->on_warn;
        }
    }
    return gravest;
}
