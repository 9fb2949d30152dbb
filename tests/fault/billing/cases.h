// SPDX-License-Identifier: MIT
// The cases of the campaign. Private to tests/fault/billing.
#ifndef BILLING_CASES_H
#define BILLING_CASES_H

#include "billing.h"

#include <stddef.h>

#define SMALL_FLASH 4096u

typedef struct named_case {
    const char *name;
    void (*run)(void);
} named_case_t;

extern const named_case_t cases[];
extern const size_t case_count;

typedef struct tally {
    unsigned done, bad;
    unsigned long sessions, resends, readings, thinned, compactions, lost;
    bool stops_at_first; // bad one: the rest is left out
} tally_t;

extern tally_t tally;
extern unsigned first_seed;

/// True once the rest may be left out.
bool is_enough(void);
/// Judges the world, counts, and tells whether all was well.
bool judge(const char *what);
void fail(const char *what, unsigned value);

// What they are made of.
void open_world(uint32_t sample_s);
/// Both connectors, overlapping.
void two_sessions(void);
/// Another module keeps so many bytes every 60 ms meanwhile.
void run_busy_ms(uint64_t ms, uint32_t bytes);
/// The network comes back; the station notices within its backoff.
void come_online(void);

// The cases.
void plain(void);
void offline(void);
void clock_jumps(void);
void broken_links(void);
void resets(void);
void late_readings(void);
void stop_data(void);
void refused_over_reboots(void);
void refused_readings(void);
void full_flash(void);
void failing_sync(void);
void no_clock(void);
void many_offsets(void);
void clock_cuts(void);
void tight(void);
void storms(void);
void floods(void);
void kills(void);
void misbehaviour(void);
void pairs(void);
void cuts(void);
/// Days of everything, by seed.
void mixture(unsigned seed);

#endif
