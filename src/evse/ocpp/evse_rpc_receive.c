// SPDX-License-Identifier: MIT
// What has come: taken apart, given to the owner, answered. Invariants: whatever the text is, it is walked once; a CALL that
// can be identified is answered here or deferred; an answer ends the outstanding CALL only by its id.
#include "evse_rpc_private.h"

#include <string.h>

#define ACTION_BYTES 64u

// `id` is JSON text: an id we refuse is echoed just as it came.
static void answer_error(evse_rpc_t *rpc, hf_slice_t id, evse_rpc_error_t error, const char *why)
{
    evse_rpc_draft_t draft;
    rpc->errors_sent++;
    if (!evse_rpc_frame_begin(rpc, &draft, EVSE_RPC_TYPE_ERROR)) {
        rpc->replies_lost++;
        return;
    }
    hf_json_put_raw(&draft.json, id);
    hf_json_put_string(&draft.json, evse_rpc_error_text(error));
    hf_json_put_string(&draft.json, why);
    hf_json_begin_object(&draft.json);
    hf_json_end_object(&draft.json);
    (void)!evse_rpc_reply_send(rpc, &draft);
}

static size_t character_count(const char *text)
{
    size_t count = 0u;
    for (; *text != '\0'; text++) {
        count += ((unsigned char)*text & 0xC0u) != 0x80u;
    }
    return count;
}

static bool is_call_well_formed(evse_rpc_t *rpc, const hf_json_frame_t *frame,
                                char id[EVSE_RPC_CALL_ID_BYTES], char action[ACTION_BYTES])
{
    if (hf_json_string(frame->element[1], id, EVSE_RPC_CALL_ID_BYTES) != HF_OK ||
        character_count(id) > EVSE_RPC_CALL_ID_CHARACTERS) {
        rpc->why = "message id";
        return false;
    }
    int status = hf_json_string(frame->element[2], action, ACTION_BYTES);
    if (status != HF_OK && status != HF_E_TOO_LONG) { // too long: an unknown action, left empty
        rpc->why = "action";
        return false;
    }
    if (frame->count != 4u || frame->element[3].type != HF_JSON_OBJECT) {
        rpc->why = "payload";
        return false;
    }
    return true;
}

static void receive_call(evse_rpc_t *rpc, const hf_json_frame_t *frame)
{
    hf_json_t id = frame->element[1];
    if (id.type != HF_JSON_STRING) { // nobody could relate an answer to it
        rpc->malformed++;
        return;
    }
    rpc->calls_received++;
    rpc->why = "";
    char text[EVSE_RPC_CALL_ID_BYTES];
    char action[ACTION_BYTES] = "";
    if (!is_call_well_formed(rpc, frame, text, action)) {
        rpc->malformed++;
        answer_error(rpc, id.raw, EVSE_RPC_FormationViolation, rpc->why);
        return;
    }
    evse_rpc_draft_t draft;
    if (!evse_rpc_frame_begin(rpc, &draft, EVSE_RPC_TYPE_RESULT)) { // seen before it was received
        rpc->replies_lost++;
        return;
    }
    hf_json_put_string(&draft.json, text);
    rpc->can_defer = !rpc->is_deferring && strlen(text) < sizeof rpc->deferred_id;
    evse_rpc_error_t error = rpc->owner.on_call(
        rpc->owner.ctx, (hf_slice_t){action, strlen(action)}, frame->element[3], &draft.json);
    if (error == EVSE_RPC_DEFERRED) {
        HF_ASSERT(rpc->can_defer);
        memcpy(rpc->deferred_id, text, strlen(text) + 1u);
        rpc->is_deferring = true;
    }
    if (error == EVSE_RPC_DEFERRED || error == EVSE_RPC_SILENT) {
        return;
    }
    if (error == EVSE_RPC_NO_ERROR) {
        if (!draft.out.overflow) {
            (void)!evse_rpc_reply_send(rpc, &draft);
            return;
        }
        HF_LOGE(rpc->log, rpc->now_us, OCPP, "answer to %s does not fit", action);
        error = EVSE_RPC_InternalError;
        rpc->why = "answer too long";
    }
    answer_error(rpc, id.raw, error, rpc->why);
}

static void log_refusal(evse_rpc_t *rpc, hf_json_t code, uint64_t now_us)
{
    char text[48];
    if (HF_LOG_IS_ON(rpc->log)) {
        (void)!hf_json_string(code, text, sizeof text); // empty when it is none
        HF_LOGW(rpc->log, now_us, OCPP, "central system refused a call: %s", text);
    }
}

// Nobody waits for it any more, or ever did.
static void receive_late(evse_rpc_t *rpc, hf_json_t id, evse_rpc_outcome_t outcome,
                         hf_json_t payload, uint64_t now_us)
{
    char text[EVSE_MESSAGE_ID_BYTES];
    bool known = rpc->owner.on_late != NULL && hf_json_string(id, text, sizeof text) == HF_OK &&
                 rpc->owner.on_late(rpc->owner.ctx, text, outcome, payload, now_us);
    rpc->late += known ? 1u : 0u;
    rpc->stray += known ? 0u : 1u;
}

static void receive_answer(evse_rpc_t *rpc, const hf_json_frame_t *frame, bool is_result,
                           uint64_t now_us)
{
    hf_json_t id = frame->element[1], payload = frame->element[2];
    evse_rpc_outcome_t outcome = is_result ? EVSE_RPC_RESULT : EVSE_RPC_REFUSED;
    bool ours = rpc->outstanding && hf_json_is_string(id, rpc->id);
    if (is_result && (frame->count != 3u || payload.type != HF_JSON_OBJECT)) {
        rpc->malformed++; // no answer: the time-out takes its course
        return;
    }
    if (!is_result && frame->count != 5u) {
        rpc->malformed++; // incomplete, but it says what counts: refused
    }
    if (!is_result) {
        log_refusal(rpc, payload, now_us);
        payload = (hf_json_t){0};
    }
    if (!ours) {
        receive_late(rpc, id, outcome, payload, now_us);
        return;
    }
    rpc->outstanding = false;
    rpc->results += is_result ? 1u : 0u;
    rpc->errors_received += is_result ? 0u : 1u;
    rpc->owner.on_answer(rpc->owner.ctx, rpc->token, outcome, payload, now_us);
}

static size_t skip_space(const char *text, size_t length, size_t at)
{
    while (at < length &&
           (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n')) {
        at++;
    }
    return at;
}

// Is the text, broken further on, a CALL whose id can be read? Then its sender deserves to hear about it.
static bool find_call_id(const char *text, size_t length, hf_slice_t *id)
{
    static const char head[] = "[2,";
    size_t at = 0u;
    for (size_t i = 0u; head[i] != '\0'; i++) {
        at = skip_space(text, length, at);
        if (at >= length || text[at] != head[i]) {
            return false;
        }
        at++;
    }
    at = skip_space(text, length, at);
    size_t end = at + 1u;
    while (end < length && end - at <= EVSE_RPC_CALL_ID_CHARACTERS && text[end] != '"') {
        end++;
    }
    if (end >= length || text[end] != '"' || text[at] != '"') {
        return false;
    }
    *id = (hf_slice_t){text + at, end + 1u - at};
    hf_json_t parsed; // no control characters, no broken escapes in what we echo
    return hf_json_parse(id->text, id->length, &parsed) == HF_OK && parsed.type == HF_JSON_STRING;
}

static void receive_malformed(evse_rpc_t *rpc, const char *text, size_t length)
{
    rpc->malformed++;
    hf_slice_t id;
    if (find_call_id(text, length, &id)) {
        answer_error(rpc, id, EVSE_RPC_FormationViolation, "not JSON");
    }
}

void evse_rpc_receive(evse_rpc_t *rpc, const char *text, size_t length, uint64_t now_us)
{
    hf_json_t root;
    hf_json_frame_t frame;
    if (hf_json_parse_frame(text, length, &root, &frame) != HF_OK) {
        receive_malformed(rpc, text, length);
        return;
    }
    int64_t type = 0;
    if (root.type != HF_JSON_ARRAY || hf_json_i64(frame.element[0], &type) != HF_OK) {
        rpc->malformed++;
        return;
    }
    switch (type) {
    case EVSE_RPC_TYPE_CALL:
        receive_call(rpc, &frame);
        break;
    case EVSE_RPC_TYPE_RESULT:
    case EVSE_RPC_TYPE_ERROR:
        receive_answer(rpc, &frame, type == EVSE_RPC_TYPE_RESULT, now_us);
        break;
    default:
        rpc->stray++; // OCPP-J 4.1.3: a message type we do not know is ignored
        break;
    }
}
