// SPDX-License-Identifier: MIT
// A station without hardware for tests of the comms core: the real store on flash in memory, a link in memory with a
// small central system behind it that can misbehave, and a control loop reduced to what sessions see of it. Stepped time.
#ifndef OCPP_STATION_H
#define OCPP_STATION_H

#include "evse/evse_ocpp.h"
#include "hf_flash_ram.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"

#include <stdio.h>
#include <stdlib.h>

#define STATION_UTC_MS  1795254153000ull // 2026-11-21T09:42:33Z at now_us = 0
#define STATION_CALLS   400
#define STATION_ANSWERS 64
#define STATION_TEXT    4096
#define STATION_STEP_US 20000u

typedef struct station_call { // a CALL the station sent
    char id[40], action[32], payload[1400];
    uint64_t at_us;
    unsigned connection; // which connection it came in on
} station_call_t;

typedef struct station_link {
    evse_link_state_t state;
    bool up;   // the central system is reachable
    bool busy; // takes nothing just now
    unsigned connections;
    unsigned opens;
    char room[CONFIG_EVSE_OCPP_SEND_BYTES]; // where the station writes what it sends
    char incoming[STATION_ANSWERS][STATION_TEXT];
    unsigned head, tail; // of incoming
    char last_sent[8192];
    char last_answer[8192]; // the last CALLRESULT or CALLERROR the station sent
    unsigned answers;
} station_link_t;

typedef struct station_csms {
    bool silent;               // answers nothing
    const char *silent_action; // ... to this action
    const char *refuse_action; // CALLERROR to this action
    const char *boot_status;   // "Accepted"
    const char *tag_status;    // "Accepted"
    const char *start_status;  // of idTagInfo in StartTransaction.conf
    const char *tag_more;      // more of every idTagInfo: ",\"parentIdTag\":\"G\""
    const char *stop_status;   // of idTagInfo in StopTransaction.conf; NULL none
    int64_t skew_ms;           // its clock is so far ahead
    const char *time;          // currentTime as it stands; NULL: by its clock
    int interval_s;
    int next_transaction;
    int drop_before; // the n-th CALL (from 1) is lost with its link; 0 never
    int drop_after;  // the n-th CALL is taken, its answer lost with the link
    int call_number;
} station_csms_t;

typedef struct station_control {
    bool plugged, lock_fails, lock_stuck, lock_open, silent_end, power_stuck;
    evse_fault_t fault;
    uint32_t mW;        // while it runs
    unsigned lag_steps; // so late does a lower current show, and flow
    unsigned lagging;
    int32_t flows_mA; // in force; 33600 without a limit
    uint64_t register_mJ;
    uint32_t session_id, stopped, running, ended;
    uint32_t unlock_done, unlock_ok;
    uint32_t state;
    bool bms_alive, bms_allows; // what the vehicle says
    int32_t request_mA;
    int32_t soc_permille; // 0: 410
    evse_connector_order_t order;
} station_control_t;

typedef struct station {
    evse_ocpp_t ocpp;
    evse_store_t store;
    evse_mailbox_t mailbox;
    hf_flash_ram_t ram;
    uint8_t memory[4 * 65536];
    hf_flash_ram_t tags_ram; // local list and authorization cache
    hf_flash_t tags_flash;
    uint8_t tags_memory[4 * 8192];
    evse_ocpp_config_t config;
    station_link_t link;
    station_csms_t csms;
    station_control_t control[CONFIG_EVSE_CONNECTORS_MAX];
    unsigned connectors;
    uint64_t now_us;
    station_call_t calls[STATION_CALLS];
    unsigned call_count;
    unsigned resets;
    bool reset_hard;
    uint32_t event_sequence;
    uint32_t estop;
} station_t;

static station_t station_storage; // one a program: it is large

// ---- the tape: every frame of both directions, for a referee that knows the schemas -----------------

static FILE
    *station_tape; // where $HOLDFAST_FRAMES says: "> frame" the station's, "< frame" what it took

static inline void station_record(char direction, const char *text, size_t length)
{
    if (station_tape == NULL) {
        return;
    }
    fprintf(station_tape, "%c ", direction);
    for (size_t i = 0; i < length; i++) {
        fputc(text[i] == '\n' || text[i] == '\r' ? ' ' : text[i], station_tape);
    }
    fputc('\n', station_tape);
    fflush(station_tape);
}

static inline void station_tape_open(void)
{
    const char *path = getenv("HOLDFAST_FRAMES");
    if (path != NULL && station_tape == NULL) {
        station_tape = fopen(path, "a");
    }
}

// ---- link ---------------------------------------------------------------------------------------

static inline void station_say(station_t *s, const char *text)
{
    unsigned slot = s->link.tail % STATION_ANSWERS;
    if (s->link.tail - s->link.head == STATION_ANSWERS || strlen(text) >= STATION_TEXT) {
        HF_TEST_FAIL("the fixture's link is full");
        return;
    }
    strcpy(s->link.incoming[slot], text);
    s->link.tail++;
}

static inline void station_drop(station_t *s)
{
    s->link.state = EVSE_LINK_DOWN;
    s->link.head = s->link.tail = 0;
}

static inline void station_answer(station_t *s, const station_call_t *call)
{
    char text[1024], conf[512] = "{}", time[HF_ISO8601_BYTES];
    hf_iso8601_format(STATION_UTC_MS + (uint64_t)s->csms.skew_ms + s->now_us / 1000u, time);
    if (s->csms.time != NULL) {
        snprintf(time, sizeof time, "%s", s->csms.time);
    }
    if (strcmp(call->action, "BootNotification") == 0) {
        snprintf(conf, sizeof conf, "{\"status\":\"%s\",\"currentTime\":\"%s\",\"interval\":%d}",
                 s->csms.boot_status, time, s->csms.interval_s);
    } else if (strcmp(call->action, "Heartbeat") == 0) {
        snprintf(conf, sizeof conf, "{\"currentTime\":\"%s\"}", time);
    } else if (strcmp(call->action, "Authorize") == 0) {
        snprintf(conf, sizeof conf, "{\"idTagInfo\":{\"status\":\"%s\"%s}}", s->csms.tag_status,
                 s->csms.tag_more);
    } else if (strcmp(call->action, "StartTransaction") == 0) {
        snprintf(conf, sizeof conf, "{\"transactionId\":%d,\"idTagInfo\":{\"status\":\"%s\"%s}}",
                 s->csms.next_transaction++, s->csms.start_status, s->csms.tag_more);
    } else if (strcmp(call->action, "StopTransaction") == 0 && s->csms.stop_status != NULL) {
        snprintf(conf, sizeof conf, "{\"idTagInfo\":{\"status\":\"%s\"%s}}", s->csms.stop_status,
                 s->csms.tag_more);
    }
    bool refuse = s->csms.refuse_action != NULL && strcmp(s->csms.refuse_action, call->action) == 0;
    if (refuse) {
        snprintf(text, sizeof text, "[4,\"%s\",\"InternalError\",\"no\",{}]", call->id);
    } else {
        snprintf(text, sizeof text, "[3,\"%s\",%s]", call->id, conf);
    }
    station_say(s, text);
}

static inline void station_take_call(station_t *s, hf_json_t frame)
{
    if (s->call_count == STATION_CALLS) {
        HF_TEST_FAIL("the fixture's record is full");
        return;
    }
    station_call_t *call = &s->calls[s->call_count++];
    *call = (station_call_t){.at_us = s->now_us, .connection = s->link.connections};
    hf_json_t payload = hf_json_element(frame, 3);
    CHECK_EQ(hf_json_count(frame), 4);
    CHECK_EQ(hf_json_string(hf_json_element(frame, 1), call->id, 37), 0);
    CHECK_EQ(hf_json_string(hf_json_element(frame, 2), call->action, sizeof call->action), 0);
    CHECK_EQ(payload.type, HF_JSON_OBJECT);
    CHECK_EQ(hf_slice_copy(payload.raw, call->payload, sizeof call->payload), 0);
    int number = ++s->csms.call_number;
    if (number == s->csms.drop_before) {
        s->call_count--;
        station_drop(s);
        return;
    }
    if (s->csms.silent ||
        (s->csms.silent_action != NULL && strcmp(s->csms.silent_action, call->action) == 0)) {
        return;
    }
    station_answer(s, call);
    if (number == s->csms.drop_after) {
        station_drop(s);
    }
}

static inline char *station_link_room(void *ctx, size_t *capacity)
{
    station_t *s = ctx;
    *capacity = sizeof s->link.room;
    return s->link.state == EVSE_LINK_OPEN && !s->link.busy ? s->link.room : NULL;
}

static inline int station_link_send(void *ctx, size_t length)
{
    station_t *s = ctx;
    const char *text = s->link.room;
    if (s->link.state != EVSE_LINK_OPEN) {
        return HF_E_CLOSED;
    }
    if (s->link.busy) {
        return HF_E_AGAIN;
    }
    station_record('>', text, length);
    hf_json_t frame;
    int64_t type = 0;
    snprintf(s->link.last_sent, sizeof s->link.last_sent, "%.*s", (int)length, text);
    if (hf_json_parse(text, length, &frame) != HF_OK ||
        hf_json_i64(hf_json_element(frame, 0), &type) != HF_OK) {
        HF_TEST_FAIL("the station sent no JSON: %s", s->link.last_sent);
        return HF_OK;
    }
    if (type == 2) {
        station_take_call(s, frame);
    } else {
        CHECK_EQ(hf_json_count(frame), type == 3 ? 3 : 5);
        s->link.answers++;
        strcpy(s->link.last_answer, s->link.last_sent);
    }
    return HF_OK;
}

static inline int station_link_receive(void *ctx, const char **text, size_t *length)
{
    static char current[STATION_TEXT];
    station_t *s = ctx;
    if (s->link.state != EVSE_LINK_OPEN || s->link.head == s->link.tail) {
        return 0;
    }
    strcpy(current, s->link.incoming[s->link.head++ % STATION_ANSWERS]);
    *text = current;
    *length = strlen(current);
    station_record('<', current, *length);
    return 1;
}

static inline void station_link_open(void *ctx, uint64_t now_us)
{
    station_t *s = ctx;
    (void)now_us;
    s->link.opens++;
    s->link.state = EVSE_LINK_OPENING;
}

static inline void station_link_close(void *ctx, uint64_t now_us)
{
    (void)now_us;
    station_drop(ctx);
}

static inline evse_link_state_t station_link_poll(void *ctx, uint64_t now_us)
{
    station_t *s = ctx;
    (void)now_us;
    if (s->link.state == EVSE_LINK_OPENING) {
        s->link.state = s->link.up ? EVSE_LINK_OPEN : EVSE_LINK_DOWN;
        s->link.connections += s->link.up ? 1u : 0u;
    } else if (s->link.state == EVSE_LINK_OPEN && !s->link.up) {
        station_drop(s);
    }
    return s->link.state;
}

static inline int station_link_error(void *ctx)
{
    (void)ctx;
    return HF_E_REFUSED;
}

static const evse_link_ops_t station_link_ops = {
    .open = station_link_open,
    .close = station_link_close,
    .poll = station_link_poll,
    .room = station_link_room,
    .send = station_link_send,
    .receive = station_link_receive,
    .last_error = station_link_error,
};

// ---- control ------------------------------------------------------------------------------------

static inline void station_event(station_t *s, unsigned connector, evse_event_kind_t kind,
                                 unsigned detail)
{
    const station_control_t *c = &s->control[connector];
    evse_event_t event = {.time_us = s->now_us,
                          .register_mJ = c->register_mJ,
                          .sequence = ++s->event_sequence,
                          .session_id = c->session_id,
                          .kind = (uint8_t)kind,
                          .connector = (uint8_t)connector,
                          .detail = (uint16_t)detail};
    CHECK_EQ(hf_queue_put_urgent(&s->mailbox.events, &event), 0);
}

static inline void station_end_session(station_t *s, unsigned connector, unsigned reason)
{
    station_control_t *c = &s->control[connector];
    c->running = 0;
    c->ended = 1;
    c->stopped = 1;
    if (!c->silent_end) {
        station_event(s, connector, EVSE_EVENT_STOPPED, reason);
    }
}

static inline uint32_t station_state(const station_control_t *c, uint32_t order)
{
    if (c->fault != EVSE_FAULT_NONE) {
        return EVSE_STATE_Faulted;
    }
    if (c->running) {
        return order == EVSE_ORDER_SUSPEND ? EVSE_STATE_SuspendedEVSE : EVSE_STATE_Charging;
    }
    if (c->order.inoperative) {
        return EVSE_STATE_Unavailable;
    }
    if (order == EVSE_ORDER_AUTHORIZED) {
        return EVSE_STATE_Preparing;
    }
    if ((c->ended || c->order.finishing) && c->plugged) {
        return EVSE_STATE_Finishing;
    }
    if (c->order.reserved_for) {
        return EVSE_STATE_Reserved;
    }
    return c->plugged ? EVSE_STATE_Preparing : EVSE_STATE_Available;
}

static inline void station_control_step(station_t *s, unsigned connector)
{
    station_control_t *c = &s->control[connector];
    bool valid = s->now_us <= c->order.valid_until_us;
    uint32_t order = valid ? c->order.session : (uint32_t)EVSE_ORDER_NONE;
    bool wanted = order == EVSE_ORDER_RUN || order == EVSE_ORDER_SUSPEND;
    if (wanted && !c->running && c->fault == EVSE_FAULT_NONE && c->plugged &&
        c->order.session_id != c->session_id) {
        c->running = 1;
        c->stopped = 0;
        c->session_id = c->order.session_id;
    }
    if (c->running && c->fault != EVSE_FAULT_NONE) {
        station_end_session(s, connector, EVSE_STOP_Other);
    } else if (c->running && !c->plugged) {
        station_end_session(s, connector, EVSE_STOP_EVDisconnected);
    } else if (c->running && valid && !wanted) { // what has expired ends nothing [SAF-10]
        station_end_session(s, connector, EVSE_STOP_None);
    }
    if (!c->plugged) {
        c->ended = 0;
    }
    if (c->running && order == EVSE_ORDER_RUN) {
        c->register_mJ += (uint64_t)c->mW * STATION_STEP_US / 1000000u;
    }
    if (c->order.unlock_count != c->unlock_done && !c->lock_stuck) {
        c->unlock_done = c->order.unlock_count;
        c->unlock_ok = c->lock_fails ? 0 : 1;
    }
    uint32_t state = station_state(c, order);
    if (state != c->state) {
        c->state = state;
        station_event(s, connector, EVSE_EVENT_STATE, state);
    }
}

// As control does it: the least of the module's rating and the order's limits, at a little more than its 76.4 V.
static inline void station_flow(station_control_t *c)
{
    const evse_connector_order_t *order = &c->order;
    int32_t mA = c->running && order->session == EVSE_ORDER_RUN ? 33600 : 0;
    mA = order->limit_mA < mA ? order->limit_mA : mA;
    if (order->limit_W != 0 && order->limit_W * 1000ull / 77u < (uint64_t)mA) {
        mA = (int32_t)(order->limit_W * 1000ull / 77u);
    }
    if (mA >= c->flows_mA || c->lagging++ >= c->lag_steps) {
        c->flows_mA = mA;
        c->lagging = 0;
    }
}

static inline void station_control_round(station_t *s)
{
    evse_orders_t orders;
    evse_snapshot_t snapshot = {
        .now_us = s->now_us, .connectors = s->connectors, .estop_latched = s->estop};
    if (hf_snapshot_read(&s->mailbox.orders, &orders) != HF_OK) {
        memset(&orders, 0, sizeof orders);
    }
    for (unsigned i = 0; i < s->connectors; i++) {
        station_control_t *c = &s->control[i];
        c->order = orders.connector[i];
        station_control_step(s, i);
        station_flow(c);
        snapshot.connector[i] = (evse_connector_view_t){
            .register_mJ = c->register_mJ,
            .state = c->state,
            .fault = c->fault,
            .phase = c->running ? EVSE_POWER_ON
                                : (c->power_stuck ? EVSE_POWER_STOPPING : EVSE_POWER_OFF),
            .contactor_closed = c->running || c->power_stuck,
            .session_id = c->session_id,
            .stopped = c->stopped,
            .plugged = c->plugged,
            .locked = c->plugged && !c->lock_open,
            .mV = c->running ? 76400 : 0,
            .mA = c->running ? 30200 : 0,
            .meter_fresh = 1,
            .temperature_dC = 253,
            .soc_permille = c->soc_permille != 0 ? c->soc_permille : 410,
            .vehicle = c->request_mA != 0 ? "Classic" : NULL,
            .range_km = c->request_mA != 0 ? 33 : -1,
            .request_mA = c->request_mA,
            .bms_alive = c->bms_alive,
            .bms_allows = c->bms_allows,
            .offered_mA = c->flows_mA,
            .unlock_done = c->unlock_done,
            .unlock_ok = c->unlock_ok,
        };
    }
    hf_snapshot_write(&s->mailbox.snapshot, &snapshot);
}

// ---- the whole ----------------------------------------------------------------------------------

static inline void station_reset(void *ctx, bool hard)
{
    station_t *s = ctx;
    s->resets++;
    s->reset_hard = hard;
}

/// Powers up on what the flash holds. Control's registers come from the store, as in the product.
static inline int station_boot(station_t *s)
{
    const hf_flash_t flash = hf_flash_ram_seam(&s->ram);
    const evse_store_config_t store = {
        .flash = &flash, .station_nonce = 0x1234567890abcdefull, .connectors = s->connectors};
    static hf_flash_t kept; // the store may keep the pointer
    kept = flash;
    evse_store_config_t with_kept = store;
    with_kept.flash = &kept;
    int status = evse_store_open(&s->store, &with_kept);
    if (status != HF_OK || (status = evse_mailbox_init(&s->mailbox, s->connectors)) != HF_OK) {
        return status;
    }
    for (unsigned i = 0; i < s->connectors; i++) {
        station_control_t *c = &s->control[i];
        *c = (station_control_t){.plugged = c->plugged,
                                 .mW = 2300000,
                                 .register_mJ = s->store.register_mJ[i],
                                 .state = EVSE_STATE_Available};
    }
    station_drop(s);
    return evse_ocpp_init(&s->ocpp, &s->config);
}

/// A blank station, not yet connected; the central system is well behaved.
static inline station_t *station_new(unsigned connectors)
{
    station_t *s = &station_storage;
    station_tape_open();
    memset(s, 0, sizeof *s);
    const hf_flash_ram_config_t ram = {
        .memory = s->memory, .segment_bytes = 65536, .segment_count = 4, .program_bytes = 4};
    CHECK_EQ(hf_flash_ram_init(&s->ram, &ram), 0);
    const hf_flash_ram_config_t tags = {
        .memory = s->tags_memory, .segment_bytes = 8192, .segment_count = 4, .program_bytes = 4};
    CHECK_EQ(hf_flash_ram_init(&s->tags_ram, &tags), 0);
    s->tags_flash = hf_flash_ram_seam(&s->tags_ram);
    s->connectors = connectors;
    s->now_us = 1000000;
    s->csms = (station_csms_t){.boot_status = "Accepted",
                               .tag_status = "Accepted",
                               .start_status = "Accepted",
                               .tag_more = "",
                               .interval_s = 300,
                               .next_transaction = 1001};
    s->config = (evse_ocpp_config_t){
        .vendor = "Holdfast",
        .model = "Test",
        .serial = "S-1",
        .firmware = "0.1.0",
        .link = {.ops = &station_link_ops, .ctx = s},
        .store = &s->store,
        .mailbox = &s->mailbox,
        .connectors = connectors,
        .list = {.flash = &s->tags_flash, .first = 0},
        .cache = {.flash = &s->tags_flash, .first = 2},
        .seed = 7,
        .reset = station_reset,
        .reset_ctx = s,
    };
    CHECK_EQ(station_boot(s), 0);
    return s;
}

static inline void station_run(station_t *s, uint64_t ms)
{
    for (uint64_t end_us = s->now_us + ms * 1000u; s->now_us < end_us;) {
        s->now_us += STATION_STEP_US;
        station_control_round(s);
        evse_ocpp_poll(&s->ocpp, s->now_us);
    }
}

/// A station that is connected and accepted, its first notifications sent and forgotten.
static inline station_t *station_online(unsigned connectors)
{
    station_t *s = station_new(connectors);
    s->link.up = true;
    station_run(s, 1000);
    CHECK_EQ(s->ocpp.registration, EVSE_REGISTRATION_ACCEPTED);
    s->call_count = 0;
    return s;
}

/// The n-th CALL of that action since the record was cleared (from 0), NULL none.
static inline const station_call_t *station_find(const station_t *s, const char *action, unsigned n)
{
    for (unsigned i = 0; i < s->call_count; i++) {
        if (strcmp(s->calls[i].action, action) == 0 && n-- == 0) {
            return &s->calls[i];
        }
    }
    return NULL;
}

static inline unsigned station_count(const station_t *s, const char *action)
{
    unsigned count = 0;
    while (station_find(s, action, count) != NULL) {
        count++;
    }
    return count;
}

static inline hf_json_t station_payload(const station_call_t *call)
{
    hf_json_t payload = {0};
    if (call != NULL && hf_json_parse(call->payload, strlen(call->payload), &payload) != HF_OK) {
        payload = (hf_json_t){0};
    }
    return payload;
}

static inline long long station_int(const station_call_t *call, const char *name)
{
    int64_t value = INT64_MIN;
    (void)!hf_json_i64(hf_json_member(station_payload(call), name), &value);
    return (long long)value;
}

static inline bool station_has(const station_call_t *call, const char *name, const char *text)
{
    return hf_json_is_string(hf_json_member(station_payload(call), name), text);
}

/// Sends a CALL of the central system and returns the station's answer, after the flash if it waits for that; "" when none
/// came.
static inline const char *station_ask(station_t *s, const char *action, const char *payload)
{
    char text[2048];
    snprintf(text, sizeof text, "[2,\"q1\",\"%s\",%s]", action, payload);
    s->link.last_answer[0] = '\0';
    station_say(s, text);
    station_run(s, 40);
    for (unsigned i = 0; i < 5 && s->ocpp.unlock.owed != 0; i++) {
        station_run(s, 20);
    }
    return s->link.last_answer;
}

#define STATION_ACCEPTED "[3,\"q1\",{\"status\":\"Accepted\"}]"
#define STATION_REJECTED "[3,\"q1\",{\"status\":\"Rejected\"}]"

/// Plugs in and starts a session on connector 1, which runs when this returns.
static inline void station_start(station_t *s)
{
    s->control[0].plugged = true;
    station_run(s, 100);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"DEMO\",\"connectorId\":1}"),
              STATION_ACCEPTED);
    station_run(s, 500);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
}

#endif
