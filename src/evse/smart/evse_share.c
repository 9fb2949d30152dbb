// SPDX-License-Identifier: MIT
// Sharing one limit between connectors. Goals: fair, and never more than the limit in sum, at no moment. Assumptions: what
// was granted less than before goes on flowing until the caller has lowered `held`. Invariants: the grants never sum up to
// more than the total; a grant grows only by what neither a grant nor a `held` of another takes.
#include "evse/evse_smart.h"

#define SHARES_MAX CONFIG_EVSE_CONNECTORS_MAX

static int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

// Equal parts; who wants less gets that, and the others share what it leaves.
static void find_fair(const evse_share_t *share, unsigned count, int32_t total,
                      int32_t fair[SHARES_MAX])
{
    bool done[SHARES_MAX] = {false};
    int32_t left = total;
    for (unsigned rest = count; rest > 0u; rest--) {
        unsigned least = count;
        for (unsigned i = 0u; i < count; i++) {
            if (!done[i] && (least == count || share[i].want < share[least].want)) {
                least = i;
            }
        }
        int32_t part = left / (int32_t)rest;
        fair[least] = share[least].want < part ? share[least].want : part;
        left -= fair[least];
        done[least] = true;
    }
}

static int64_t taken_by_others(const evse_share_t *share, unsigned count, unsigned self)
{
    int64_t taken = 0;
    for (unsigned i = 0u; i < count; i++) {
        taken += i != self ? larger(share[i].granted, share[i].held) : 0;
    }
    return taken;
}

void evse_share_divide(evse_share_t *share, unsigned count, int32_t total)
{
    int32_t fair[SHARES_MAX];
    HF_ASSERT(count <= SHARES_MAX && total >= 0);
    find_fair(share, count, total, fair);
    for (unsigned i = 0u; i < count; i++) {
        share[i].held = larger(share[i].held, share[i].granted);
        share[i].granted = share[i].granted < fair[i] ? share[i].granted : fair[i];
    }
    for (unsigned i = 0u; i < count; i++) {
        int64_t room = total - taken_by_others(share, count, i);
        int32_t most = room < fair[i] ? (int32_t)(room > 0 ? room : 0) : fair[i];
        share[i].granted = larger(share[i].granted, most);
    }
}
