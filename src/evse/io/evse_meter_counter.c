// SPDX-License-Identifier: MIT
// Believes the register of a real meter, or not. Goals: the station's register never goes back and, within a session, never
// grows by more than can flow; one reading that is wrong does no harm. Assumptions: wrong readings come alone; a meter is
// exchanged, and its register set, only between sessions.
// Invariant: what follows a reading that does not fit is decided when the next one bears it out.
#include "evse/evse_meter.h"

#include <string.h>

#define mJ_PER_Wh     3600000u
#define CHECKPOINT_Wh 50u // the journal knows the register to within this, or a minute
#define CHECKPOINT_S  60u
#define US_PER_S      1000000u
#define STEPS         2u // a register steps late, and early the next time
#define REFRESH_S     2u // of its register, inside the meter

void evse_meter_counter_init(evse_meter_counter_t *counter, uint32_t max_W, uint64_t resolution_mJ)
{
    memset(counter, 0, sizeof *counter);
    counter->max_W = max_W;
    counter->resolution_mJ = resolution_mJ;
}

// Most that can have flown in this time. Above a day the time counts as a day: no overflow.
static uint64_t bound_mJ(const evse_meter_counter_t *counter, uint64_t passed_us)
{
    const uint64_t day_us = (uint64_t)86400u * US_PER_S;
    uint64_t us = (passed_us < day_us ? passed_us : day_us) + REFRESH_S * US_PER_S;
    return counter->max_W * (us / 1000u) + STEPS * counter->resolution_mJ;
}

static bool fits(const evse_meter_counter_t *counter, uint64_t from_mJ, uint64_t from_us,
                 uint64_t to_mJ, uint64_t to_us)
{
    return to_mJ >= from_mJ && to_mJ - from_mJ <= bound_mJ(counter, to_us - from_us);
}

static void believe(evse_meter_counter_t *counter, uint64_t meter_mJ, uint64_t taken_us)
{
    counter->last_mJ = meter_mJ;
    counter->last_us = taken_us;
    counter->doubted_us = 0;
    counter->standing = false;
}

// The first reading of this boot. A meter ahead by what flowed since the journal's last checkpoint is right; so is any when
// the station never counted. Else it was exchanged.
static void synchronize(evse_meter_counter_t *counter, uint64_t meter_mJ, evse_meter_count_t *count)
{
    uint64_t lost_mJ =
        (uint64_t)CHECKPOINT_Wh * mJ_PER_Wh + bound_mJ(counter, (uint64_t)CHECKPOINT_S * US_PER_S);
    uint64_t own_mJ = count->register_mJ;
    if (!count->session && meter_mJ >= own_mJ && (own_mJ == 0 || meter_mJ - own_mJ <= lost_mJ)) {
        count->register_mJ = meter_mJ;
        counter->adopted++;
    } else if (meter_mJ != own_mJ) {
        counter->apart++;
    }
    counter->known = true;
}

// Two in a row say the same: the register is there now, however it came there.
static int follow(evse_meter_counter_t *counter, uint64_t meter_mJ, uint64_t taken_us,
                  evse_meter_count_t *count)
{
    bool jumped = counter->known && meter_mJ >= counter->last_mJ;
    if (jumped && count->session) { // no bill takes it up, and the session has to end
        counter->jumps += counter->standing ? 0u : 1u;
        counter->standing = true;
        counter->doubted_mJ = meter_mJ;
        counter->doubted_us = taken_us;
        return HF_E_RANGE;
    }
    if (!counter->known) {
        synchronize(counter, meter_mJ, count);
    } else if (jumped) {
        counter->apart++;
    } else {
        counter->backs++;
    }
    believe(counter, meter_mJ, taken_us);
    count->taken_us = taken_us;
    return HF_OK;
}

int evse_meter_counter_take(evse_meter_counter_t *counter, uint64_t meter_mJ, uint64_t taken_us,
                            evse_meter_count_t *count)
{
    if (taken_us == counter->seen_us) {
        return counter->standing && count->session ? HF_E_RANGE : HF_E_AGAIN;
    }
    counter->seen_us = taken_us;
    bool borne_out = counter->doubted_us != 0 &&
                     fits(counter, counter->doubted_mJ, counter->doubted_us, meter_mJ, taken_us);
    bool jumped = counter->known && counter->doubted_mJ > counter->last_mJ;
    if (borne_out &&
        jumped) { // what could not flow in one step does not become possible by waiting
        return follow(counter, meter_mJ, taken_us, count);
    }
    counter->glitches += counter->doubted_us != 0 && !borne_out ? 1u : 0u;
    if (counter->known && fits(counter, counter->last_mJ, counter->last_us, meter_mJ, taken_us)) {
        count->register_mJ += meter_mJ - counter->last_mJ;
        count->taken_us = taken_us;
        believe(counter, meter_mJ, taken_us);
        return HF_OK;
    }
    if (borne_out) {
        return follow(counter, meter_mJ, taken_us, count);
    }
    counter->doubted_mJ = meter_mJ;
    counter->doubted_us = taken_us;
    return HF_E_AGAIN;
}
