// SPDX-License-Identifier: MIT
// The instance: stations coming and going, frames in and out, time-outs, events. Invariants: at most one CALL of ours is
// outstanding per station; an answer goes out in the call that brought its question; nothing is allocated.
#include "csms_private.h"

#include <string.h>

#define CALL_TIMEOUT_MS_DEFAULT 30000u
#define HEARTBEAT_S_DEFAULT     300u
#define US_PER_MS               1000u

enum { TYPE_CALL = 2, TYPE_RESULT = 3, TYPE_ERROR = 4 };

int csms_init(csms_t *csms, const csms_config_t *config)
{
    if (csms == NULL || config == NULL || config->send == NULL || config->event == NULL) {
        return HF_E_ARGUMENT;
    }
    memset(csms, 0, sizeof *csms);
    csms->config = *config;
    if (csms->config.heartbeat_s == 0) {
        csms->config.heartbeat_s = HEARTBEAT_S_DEFAULT;
    }
    if (csms->config.call_timeout_ms == 0) {
        csms->config.call_timeout_ms = CALL_TIMEOUT_MS_DEFAULT;
    }
    csms->next_transaction_id = 1001;
    csms->next_call = 1;
    return HF_OK;
}

uint64_t csms_utc_ms(const csms_t *csms)
{
    return csms->config.utc_ms + csms->now_us / US_PER_MS;
}

// ---- events ----

void csms_event_begin(csms_event_t *event, csms_t *csms, const char *name, const char *station)
{
    event->csms = csms;
    hf_builder_init(&event->out, event->text, sizeof event->text);
    hf_json_writer_init(&event->json, &event->out);
    hf_json_begin_object(&event->json);
    hf_json_key(&event->json, "t");
    hf_json_put_fixed(&event->json, (int64_t)(csms->now_us / US_PER_MS), 3);
    hf_json_string_field(&event->json, "event", name);
    if (station != NULL) {
        hf_json_string_field(&event->json, "station", station);
    }
}

void csms_event_end(csms_event_t *event)
{
    hf_json_end_object(&event->json);
    if (event->out.overflow) { // told all the same, without what did not fit
        hf_builder_init(&event->out, event->text, sizeof event->text);
        hf_builder_text(&event->out,
                        "{\"event\":\"invalid\",\"why\":\"an event too long to tell\"}");
    }
    event->csms->config.event(event->csms->config.ctx, event->text);
}

static void tell(csms_t *csms, unsigned station, const char *name, const char *key,
                 const char *value)
{
    csms_event_t event;
    csms_event_begin(&event, csms, name, csms->station[station].id);
    if (key != NULL) {
        hf_json_string_field(&event.json, key, value);
    }
    csms_event_end(&event);
}

// ---- stations ----

int csms_connect(csms_t *csms, const char *id, uint64_t now_us)
{
    csms->now_us = now_us;
    size_t length = strlen(id);
    if (length == 0 || length >= CSMS_ID_BYTES) {
        return HF_E_TOO_LONG;
    }
    unsigned index = 0;
    while (index < csms->stations && strcmp(csms->station[index].id, id) != 0) {
        index++;
    }
    if (index == CSMS_STATIONS_MAX) {
        return HF_E_FULL;
    }
    csms_station_t *station = &csms->station[index];
    if (index == csms->stations) {
        csms->stations++;
        memcpy(station->id, id, length + 1);
    }
    station->connected = true;
    station->pending.id[0] = '\0';
    tell(csms, index, "connected", NULL, NULL);
    return (int)index;
}

void csms_disconnect(csms_t *csms, unsigned station, uint64_t now_us)
{
    csms->now_us = now_us;
    if (station < csms->stations && csms->station[station].connected) {
        csms->station[station].connected = false;
        csms->station[station].pending.id[0] = '\0';
        csms->station[station].queued_count = 0;
        tell(csms, station, "disconnected", NULL, NULL);
    }
}

void csms_send_text(csms_t *csms, unsigned station, const hf_builder_t *text)
{
    if (csms->station[station].connected && !text->overflow) {
        csms->station[station].frames_out++;
        csms->config.send(csms->config.ctx, station, text->text, text->length);
    }
}

// ---- our CALLs ----

static void send_queued(csms_t *csms, unsigned index)
{
    csms_station_t *station = &csms->station[index];
    if (!station->connected || station->pending.id[0] != '\0' || station->queued_count == 0) {
        return;
    }
    char text[CSMS_FRAME_BYTES];
    hf_builder_t out;
    hf_builder_init(&out, text, sizeof text);
    hf_builder_t id;
    hf_builder_init(&id, station->pending.id, sizeof station->pending.id);
    hf_builder_format(&id, "cs%u", (unsigned)csms->next_call++);
    memcpy(station->pending.action, station->queued[0].action, sizeof station->pending.action);
    station->pending.sent_us = csms->now_us;
    hf_builder_format(&out, "[2,\"%s\",\"%s\",%s]", station->pending.id, station->queued[0].action,
                      station->queued[0].payload);
    station->queued_count--;
    memmove(&station->queued[0], &station->queued[1],
            station->queued_count * sizeof station->queued[0]);
    tell(csms, index, "call", "action", station->pending.action);
    csms_send_text(csms, index, &out);
}

int csms_call_station(csms_t *csms, unsigned station, hf_slice_t action, hf_slice_t payload)
{
    csms_station_t *to = &csms->station[station];
    if (!to->connected) {
        return HF_E_CLOSED;
    }
    if (to->queued_count == CSMS_PENDING_MAX) {
        return HF_E_FULL;
    }
    int status =
        hf_slice_copy(action, to->queued[to->queued_count].action, sizeof to->queued[0].action);
    if (status == HF_OK) {
        status = hf_slice_copy(payload, to->queued[to->queued_count].payload,
                               sizeof to->queued[0].payload);
    }
    if (status == HF_OK) {
        to->queued_count++;
        send_queued(csms, station);
    }
    return status;
}

void csms_poll(csms_t *csms, uint64_t now_us)
{
    csms->now_us = now_us;
    for (unsigned i = 0; i < csms->stations; i++) {
        csms_station_t *station = &csms->station[i];
        if (station->pending.id[0] != '\0' &&
            now_us - station->pending.sent_us >=
                (uint64_t)csms->config.call_timeout_ms * US_PER_MS) {
            tell(csms, i, "timeout", "action", station->pending.action);
            station->pending.id[0] = '\0';
        }
        send_queued(csms, i);
    }
}

// ---- frames in ----

static void invalid(csms_t *csms, unsigned station, const char *why, hf_slice_t text)
{
    csms->station[station].invalid++;
    csms_event_t event;
    csms_event_begin(&event, csms, "invalid", csms->station[station].id);
    hf_json_string_field(&event.json, "why", why);
    hf_json_key(&event.json, "text");
    hf_slice_t shown = {.text = text.text, .length = text.length < 200 ? text.length : 200};
    hf_json_put_slice(&event.json, shown);
    csms_event_end(&event);
}

static void begin_answer(hf_json_writer_t *json, hf_builder_t *out, int64_t type, const char *id)
{
    hf_json_writer_init(json, out);
    hf_json_begin_array(json);
    hf_json_put_i64(json, type);
    hf_json_put_string(json, id);
}

static void send_refusal(csms_t *csms, unsigned station, const char *id, csms_refusal_t refusal)
{
    char text[CSMS_TEXT_BYTES];
    hf_builder_t out;
    hf_json_writer_t json;
    hf_builder_init(&out, text, sizeof text);
    begin_answer(&json, &out, TYPE_ERROR, id);
    hf_json_put_string(&json, refusal.code);
    hf_json_put_string(&json, refusal.why);
    hf_json_begin_object(&json);
    hf_json_end_object(&json);
    hf_json_end_array(&json);
    csms_send_text(csms, station, &out);
}

static void answer_call(csms_call_t *call, const char *action, hf_slice_t whole)
{
    char text[CSMS_FRAME_BYTES];
    hf_builder_t out;
    hf_json_writer_t answer;
    hf_builder_init(&out, text, sizeof text);
    begin_answer(&answer, &out, TYPE_RESULT, call->id);
    hf_json_begin_object(&answer);
    call->answer = &answer;
    csms_refusal_t refusal = csms_check(action, call->payload);
    if (refusal.code == NULL) {
        refusal = csms_handler_find(action)(call);
    }
    if (refusal.code != NULL) {
        if (strcmp(refusal.code, CSMS_OWN_FAULT) != 0) {
            invalid(call->csms, call->station, refusal.why, whole);
        }
        send_refusal(call->csms, call->station, call->id, refusal);
        return;
    }
    hf_json_end_object(&answer);
    hf_json_end_array(&answer);
    csms_send_text(call->csms, call->station, &out);
}

static void on_call(csms_t *csms, unsigned station, hf_json_t frame, hf_slice_t whole)
{
    csms_call_t call = {.csms = csms, .station = station, .payload = hf_json_element(frame, 3)};
    char action[32];
    if (hf_json_string(hf_json_element(frame, 1), call.id, sizeof call.id) != HF_OK ||
        hf_json_string(hf_json_element(frame, 2), action, sizeof action) != HF_OK ||
        call.payload.type != HF_JSON_OBJECT || hf_json_count(frame) != 4) {
        invalid(csms, station, "not a CALL", whole);
    } else if ((csms->moods & CSMS_MOOD_SILENT) == 0) {
        answer_call(&call, action, whole);
    }
}

static void on_answer(csms_t *csms, unsigned index, hf_json_t frame, bool is_error,
                      hf_slice_t whole)
{
    csms_station_t *station = &csms->station[index];
    hf_json_t id = hf_json_element(frame, 1);
    hf_json_t payload = hf_json_element(frame, is_error ? 4 : 2);
    if (station->pending.id[0] == '\0' || !hf_json_is_string(id, station->pending.id) ||
        payload.type != HF_JSON_OBJECT || hf_json_count(frame) != (is_error ? 5u : 3u)) {
        invalid(csms, index, "not an answer to our CALL", whole);
        return;
    }
    csms_event_t event;
    csms_event_begin(&event, csms, is_error ? "callerror" : "answer", station->id);
    hf_json_string_field(&event.json, "action", station->pending.action);
    if (is_error) {
        hf_json_key(&event.json, "code");
        hf_json_put_raw(&event.json, hf_json_element(frame, 2).raw);
    }
    hf_json_key(&event.json, "payload");
    hf_json_put_raw(&event.json, payload.raw);
    csms_event_end(&event);
    station->pending.id[0] = '\0';
    send_queued(csms, index);
}

void csms_receive(csms_t *csms, unsigned station, const char *text, size_t length, uint64_t now_us)
{
    csms->now_us = now_us;
    if (station >= csms->stations) {
        return;
    }
    csms->station[station].frames_in++;
    hf_slice_t whole = {.text = text, .length = length};
    hf_json_t frame;
    int64_t type = 0;
    if (hf_json_parse(text, length, &frame) != HF_OK ||
        hf_json_i64(hf_json_element(frame, 0), &type) != HF_OK) {
        invalid(csms, station, "not a frame", whole);
    } else if (type == TYPE_CALL) {
        on_call(csms, station, frame, whole);
    } else if (type == TYPE_RESULT || type == TYPE_ERROR) {
        on_answer(csms, station, frame, type == TYPE_ERROR, whole);
    } else {
        invalid(csms, station, "no such message type", whole);
    }
}

uint32_t csms_count(const csms_t *csms, unsigned station, csms_ledger_kind_t kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < csms->entries; i++) {
        count += csms->ledger[i].station == station && csms->ledger[i].kind == kind ? 1u : 0u;
    }
    return count;
}
