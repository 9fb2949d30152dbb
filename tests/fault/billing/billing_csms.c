// SPDX-License-Identifier: MIT
// What the station says goes into the ledger; what it hears is an answer by mood. An answer counts as heard when the
// station takes it from the link.
#include "billing_csms.h"

#include "billing_ledger.h"
#include "billing_truth.h"
#include "holdfast/hf_clock.h"

#include <stdio.h>
#include <string.h>

#define QUEUE        64u
#define TEXT_BYTES   640u
#define LATE_MS      45000u
#define VERY_LATE_MS 75000u
#define SLOW_US      500000u
#define MOODS        64u

typedef enum meaning { MEANS_NOTHING, MEANS_RESULT, MEANS_ERROR, MEANS_TIME } meaning_t;

typedef struct waiting { // an answer on its way
    uint64_t at_us;
    meaning_t meaning;
    char id[40];
    char text[TEXT_BYTES];
} waiting_t;

typedef struct csms {
    evse_link_state_t state;
    bool up, half_open;
    uint32_t latency_ms;
    int64_t jump_s;
    billing_answer_t mood[MOODS]; // of the messages from the first on
    uint32_t mood_first, moods;
    uint32_t met; // messages of transactions since billing_misbehave()
    uint64_t unanswered_us;
    waiting_t waiting[QUEUE];
    uint32_t waiting_count;
    uint32_t calls;
    char room[CONFIG_EVSE_OCPP_SEND_BYTES];
    char incoming[TEXT_BYTES];
} csms_t;

static csms_t csms;

void csms_open(uint32_t latency_ms)
{
    csms.state = EVSE_LINK_DOWN;
    csms.up = true;
    csms.half_open = false;
    csms.latency_ms = latency_ms;
    csms.jump_s = 0;
    csms.mood_first = csms.moods = csms.met = 0;
    csms.unanswered_us = 0;
    csms.waiting_count = csms.calls = 0;
}

void csms_restart(void)
{
    csms.state = EVSE_LINK_DOWN;
    csms.waiting_count = 0;
    csms.unanswered_us = 0;
}

void csms_heal(void)
{
    csms.moods = 0;
    csms.up = true;
    csms.half_open = false;
}

bool csms_is_connected(void)
{
    return csms.state == EVSE_LINK_OPEN;
}

void csms_jump_clock(int64_t seconds)
{
    csms.jump_s += seconds;
}

uint64_t csms_unanswered_us(void)
{
    return csms.unanswered_us;
}

static void break_link(void)
{
    ledger_fault(truths.now_us, false);
    csms_restart();
}

void billing_misbehave(billing_answer_t answer, uint32_t nth, uint32_t count)
{
    csms.mood_first = nth;
    csms.moods = csms.met = 0;
    billing_misbehave_then(answer, count);
}

void billing_misbehave_then(billing_answer_t answer, uint32_t count)
{
    for (uint32_t i = 0; i < count && csms.moods < MOODS; i++) {
        csms.mood[csms.moods++] = answer;
    }
}

void billing_link(bool up, bool half_open)
{
    if ((csms.up && !up) || (!csms.half_open && half_open)) {
        ledger_fault(truths.now_us, false);
    }
    csms.up = up;
    csms.half_open = half_open;
}

void billing_drop(void)
{
    break_link();
}

// ---- answers -----------------------------------------------------------------------------------------------------------

static void post(uint64_t delay_ms, meaning_t meaning, const char *id, const char *text)
{
    if (csms.waiting_count == QUEUE || strlen(text) >= TEXT_BYTES) {
        ledger_found("the central system has no room for an answer", NULL);
        return;
    }
    waiting_t *waiting = &csms.waiting[csms.waiting_count++];
    waiting->at_us = truths.now_us + (csms.latency_ms + delay_ms) * 1000u;
    waiting->meaning = meaning;
    snprintf(waiting->id, sizeof waiting->id, "%s", id);
    strcpy(waiting->text, text);
}

void csms_call(const char *action, const char *payload)
{
    char text[256];
    snprintf(text, sizeof text, "[2,\"csms-%u\",\"%s\",%s]", (unsigned)csms.calls++, action,
             payload);
    if (csms_is_connected()) {
        post(0, MEANS_NOTHING, "", text);
    }
}

static bool is_billing(const char *action)
{
    return strcmp(action, "StartTransaction") == 0 || strcmp(action, "StopTransaction") == 0 ||
           strcmp(action, "MeterValues") == 0;
}

static billing_answer_t next_mood(void)
{
    csms.met++;
    uint32_t i = csms.met - csms.mood_first;
    return csms.met >= csms.mood_first && i < csms.moods ? csms.mood[i] : BILLING_ANSWER;
}

static void answer_other(const char *id, const char *action)
{
    char time[HF_ISO8601_BYTES], conf[160] = "{}", text[TEXT_BYTES];
    uint64_t utc_ms = STATION_EPOCH_MS + truths.now_us / 1000u + (uint64_t)(csms.jump_s * 1000);
    hf_iso8601_format(utc_ms, time);
    bool tells_time = true;
    if (strcmp(action, "BootNotification") == 0) {
        snprintf(conf, sizeof conf,
                 "{\"status\":\"Accepted\",\"currentTime\":\"%s\",\"interval\":60}", time);
    } else if (strcmp(action, "Heartbeat") == 0) {
        snprintf(conf, sizeof conf, "{\"currentTime\":\"%s\"}", time);
    } else {
        tells_time = false;
        if (strcmp(action, "Authorize") == 0) {
            strcpy(conf, "{\"idTagInfo\":{\"status\":\"Accepted\"}}");
        }
    }
    snprintf(text, sizeof text, "[3,\"%s\",%s]", id, conf);
    ledger_take_other(id);
    post(0, tells_time ? MEANS_TIME : MEANS_NOTHING, id, text);
}

static void answer_by_mood(billing_answer_t mood, const char *id, const char *conf)
{
    char text[TEXT_BYTES];
    snprintf(text, sizeof text, "[3,\"%s\",%s]", id, conf);
    if (mood != BILLING_ANSWER && mood != BILLING_TWICE) {
        ledger_fault(truths.now_us, false);
    }
    switch (mood) {
    case BILLING_LATE:
        post(LATE_MS, MEANS_RESULT, id, text);
        break;
    case BILLING_VERY_LATE:
        post(VERY_LATE_MS, MEANS_RESULT, id, text);
        break;
    case BILLING_ERROR:
        snprintf(text, sizeof text, "[4,\"%s\",\"InternalError\",\"\",{}]", id);
        post(0, MEANS_ERROR, id, text);
        break;
    case BILLING_TWICE:
        post(0, MEANS_RESULT, id, text);
        post(40, MEANS_RESULT, id, text);
        post(80, MEANS_RESULT, id, text);
        post(1000, MEANS_RESULT, id, text);
        break;
    case BILLING_OTHER_ID:
        snprintf(text, sizeof text, "[3,\"nobody-1-1\",%s]", conf);
        post(0, MEANS_NOTHING, "", text);
        break;
    case BILLING_TAKE_DROP:
        break_link();
        break;
    case BILLING_NEVER:
        break;
    case BILLING_ANSWER:
    case BILLING_DROP:
    case BILLING_ANSWERS:
    default:
        post(0, MEANS_RESULT, id, text);
        break;
    }
}

static void take_billing(const char *id, const char *action, hf_json_t payload)
{
    billing_answer_t mood = next_mood();
    if (mood == BILLING_DROP) {
        break_link();
        return;
    }
    char conf[128] = "{}";
    int32_t transaction = ledger_take(truths.now_us, id, action, payload);
    if (strcmp(action, "StartTransaction") == 0) {
        snprintf(conf, sizeof conf,
                 "{\"transactionId\":%d,\"idTagInfo\":{\"status\":\"Accepted\"}}",
                 (int)transaction);
    }
    answer_by_mood(mood, id, conf);
}

// ---- link --------------------------------------------------------------------------------------------------------------

static char *link_room(void *ctx, size_t *capacity)
{
    (void)ctx;
    *capacity = sizeof csms.room;
    return csms_is_connected() ? csms.room : NULL;
}

static void take_frame(size_t length)
{
    hf_json_t frame;
    int64_t type = 0;
    char id[40], action[32];
    if (hf_json_parse(csms.room, length, &frame) != HF_OK ||
        hf_json_i64(hf_json_element(frame, 0), &type) != HF_OK) {
        ledger_found("the station sent no JSON", NULL);
        return;
    }
    if (type != 2 || hf_json_string(hf_json_element(frame, 1), id, sizeof id) != HF_OK ||
        hf_json_string(hf_json_element(frame, 2), action, sizeof action) != HF_OK) {
        return;
    }
    bool lost = !world_has_power() || csms.half_open;
    if (is_billing(action) && csms.unanswered_us == 0u) {
        csms.unanswered_us = truths.now_us;
    }
    if (lost) {
        ledger_fault(truths.now_us, false);
    } else if (is_billing(action)) {
        take_billing(id, action, hf_json_element(frame, 3));
    } else {
        answer_other(id, action);
    }
}

static int link_send(void *ctx, size_t length)
{
    (void)ctx;
    take_frame(length);
    return HF_OK;
}

static void hear(const waiting_t *waiting)
{
    if (waiting->meaning == MEANS_RESULT || waiting->meaning == MEANS_ERROR) {
        ledger_answered(truths.now_us, waiting->id, waiting->meaning == MEANS_ERROR);
        csms.unanswered_us = 0;
    }
    if (waiting->meaning == MEANS_TIME && truths.now_us - waiting->at_us > SLOW_US) {
        truths.clock_jumped = true; // a time that comes late is as good as a wrong one
    }
    if (waiting->meaning == MEANS_TIME && truths_boot()->clock_us == 0u) {
        truths_boot()->clock_us = truths.now_us;
    }
}

static int link_receive(void *ctx, const char **text, size_t *length)
{
    (void)ctx;
    for (uint32_t i = 0; i < csms.waiting_count && !csms.half_open && world_has_power(); i++) {
        if (csms.waiting[i].at_us <= truths.now_us) {
            hear(&csms.waiting[i]);
            strcpy(csms.incoming, csms.waiting[i].text);
            csms.waiting_count--;
            memmove(&csms.waiting[i], &csms.waiting[i + 1u],
                    (csms.waiting_count - i) * sizeof csms.waiting[0]);
            *text = csms.incoming;
            *length = strlen(csms.incoming);
            return 1;
        }
    }
    return 0;
}

static void link_open(void *ctx, uint64_t now_us)
{
    (void)ctx;
    (void)now_us;
    csms.state = EVSE_LINK_OPENING;
}

// The station's own doing: no fault that would explain anything.
static void link_close(void *ctx, uint64_t now_us)
{
    (void)ctx;
    (void)now_us;
    csms_restart();
}

static evse_link_state_t link_poll(void *ctx, uint64_t now_us)
{
    (void)ctx;
    (void)now_us;
    if (csms.state == EVSE_LINK_OPENING) {
        csms.state = csms.up && !csms.half_open ? EVSE_LINK_OPEN : EVSE_LINK_DOWN;
    } else if (csms.state == EVSE_LINK_OPEN && !csms.up) {
        break_link();
    }
    return csms.state;
}

static int link_error(void *ctx)
{
    (void)ctx;
    return HF_E_REFUSED;
}

const evse_link_ops_t csms_link_ops = {
    .open = link_open,
    .close = link_close,
    .poll = link_poll,
    .room = link_room,
    .send = link_send,
    .receive = link_receive,
    .last_error = link_error,
};
