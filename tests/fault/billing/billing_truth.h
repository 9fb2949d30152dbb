// SPDX-License-Identifier: MIT
// What truly happened at the charger: sessions, readings handed to the store, boots. Lives outside of what loses power.
// Private to tests/fault/billing.
#ifndef BILLING_TRUTH_H
#define BILLING_TRUTH_H

#include "billing.h"

#define mJ_PER_Wh     UINT64_C(3600000)
#define POWER_mW      7200000u          // 2 Wh a second: readings of one second differ
#define CHECKPOINT_mJ (55u * mJ_PER_Wh) // one, and what flows until it is durable
#define TRUTH_BOOTS   512u
#define TRUTH_HANDED  65536u
#define STOP_BIT(why) (1u << EVSE_STOP_##why)

/// Of one card.
typedef struct truth {
    char tag[21];
    unsigned connector;
    bool ran; // power was permitted
    bool
        cut; // the station went down before the end was durable: what flowed since a checkpoint may be lost
    uint32_t reasons;                          // that its Stop may give, a bit each
    uint64_t start_mJ, mJ;                     // the register before, and what flowed
    uint64_t card_us, run_us, last_us, cut_us; // presented, power seen first and last, went down
    uint32_t boot;
} truth_t;

/// A reading, or a sample set for a Stop, that the store took.
typedef struct handed {
    uint32_t session;
    uint64_t Wh, at_us;
    bool excused; // the power went before it had to be on the flash
    bool seen;
} handed_t;

/// In the order of time: the first `required` of them must arrive, whatever comes.
typedef struct handed_list {
    handed_t item[TRUTH_HANDED];
    uint32_t count, required;
    uint32_t refused; // by the store
} handed_list_t;

typedef struct boot_truth {
    uint64_t from_us, clock_us; // clock: when the central system told the time, 0 never
    uint64_t to_us;
    bool storage_failed;
    bool is_clock_kept; // the store had a place for its offset
} boot_truth_t;

typedef struct truths {
    truth_t session[BILLING_SESSIONS];
    uint32_t sessions;
    int32_t session_of[BILLING_CONNECTORS]; // index of it, -1 none
    handed_list_t readings, sets;
    boot_truth_t boot[TRUTH_BOOTS];
    uint32_t boots;
    uint64_t thinned;
    uint64_t now_us;
    uint64_t store_us; // a record is durable so long after it was handed over
    bool clock_jumped;
} truths_t;

extern truths_t truths;

void truths_open(uint64_t store_us);
/// A reading handed over at or before this moment is on the flash.
void truths_require(handed_list_t *list, uint64_t before_us);
/// The station went down: what was not required may be gone.
void truths_power_lost(void);
boot_truth_t *truths_boot(void);

#endif
