// SPDX-License-Identifier: MIT
// A meter whose answers the test sets: what it measures, at which place, how stale, and what it signs.
#ifndef FAKE_METER_H
#define FAKE_METER_H

#include "evse/evse_meter.h"

#include <stdio.h>
#include <string.h>

typedef struct fake_meter {
    struct {
        uint8_t measurand, phase;
        int32_t value;
        int status;
    } item[8];
    unsigned items;
    uint8_t location;
    // signing
    uint64_t delay_ms, since_ms; // HF_E_AGAIN for so long, by the clock it is told
    int sign_status;             // 0: it signs
    const char *format;          // of what it signs: transaction, end, tag
    char text[2000];
    evse_meter_sign_t last;
} fake_meter_t;

static inline int fake_advance(void *ctx, uint64_t now_us, evse_meter_count_t *count)
{
    (void)ctx;
    count->taken_us = now_us;
    return HF_OK;
}

static inline int fake_measure(void *ctx, evse_quantity_t quantity, uint64_t now_us,
                               evse_measured_t *out)
{
    const fake_meter_t *fake = ctx;
    (void)now_us;
    for (unsigned i = 0; i < fake->items; i++) {
        if (fake->item[i].measurand == quantity.measurand &&
            fake->item[i].phase == evse_quantity_phase(quantity.phase)) {
            *out = (evse_measured_t){fake->item[i].value, fake->location};
            return fake->item[i].status;
        }
    }
    return HF_E_UNSUPPORTED;
}

static inline int fake_sign(void *ctx, const evse_meter_sign_t *request, const char **text)
{
    fake_meter_t *fake = ctx;
    fake->last = *request;
    fake->since_ms = fake->since_ms == 0 ? request->utc_ms : fake->since_ms;
    if (request->utc_ms - fake->since_ms < fake->delay_ms) {
        return HF_E_AGAIN;
    }
    fake->since_ms = 0;
    if (fake->sign_status != 0) {
        return fake->sign_status;
    }
    if (fake->format != NULL) {
        strcpy(fake->text, fake->format);
    } else {
        snprintf(fake->text, sizeof fake->text,
                 "OCMF|{\"FV\":\"1.0\",\"PG\":\"T%u\",\"ID\":\"%s\",\"RD\":[{\"TX\":\"%c\"}]}|"
                 "{\"SD\":\"3045022100\"}",
                 (unsigned)request->transaction, request->id_tag, request->end ? 'E' : 'B');
    }
    *text = fake->text;
    return (int)strlen(fake->text);
}

static inline void fake_measures(fake_meter_t *fake, unsigned measurand, unsigned phase,
                                 int32_t value)
{
    fake->item[fake->items].measurand = (uint8_t)measurand;
    fake->item[fake->items].phase = (uint8_t)phase;
    fake->item[fake->items].value = value;
    fake->item[fake->items++].status = HF_OK;
}

static const evse_meter_ops_t fake_meter_ops = {.advance = fake_advance, .measure = fake_measure};
static const evse_meter_ops_t fake_signing_ops = {
    .advance = fake_advance, .measure = fake_measure, .sign = fake_sign};

#endif
