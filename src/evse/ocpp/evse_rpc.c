// SPDX-License-Identifier: MIT
// OCPP-J framing: [2,id,action,payload], [3,id,payload], [4,id,code,description,details].
// Invariants: at most one CALL of ours is outstanding; a CALL that can be identified gets exactly one answer unless its
// owner defers it; a frame goes out whole or not at all; while the link has no room for an answer nothing is received.
#include "evse_rpc_private.h"

#include "holdfast/hf_clock.h"

#include <string.h>

#define MESSAGES_PER_POLL 8u

const char *evse_rpc_error_text(unsigned error)
{
    static const char *const texts[EVSE_RPC_ERROR_COUNT] = {"",
#define ERROR_TEXT(name) #name,
                                                            EVSE_RPC_ERROR_TABLE(ERROR_TEXT)
#undef ERROR_TEXT
    };
    return error < EVSE_RPC_ERROR_COUNT ? texts[error] : "GenericError";
}

int evse_rpc_init(evse_rpc_t *rpc, const evse_link_t *link, const evse_rpc_owner_t *owner,
                  uint32_t timeout_ms, hf_log_t *log)
{
    if (link == NULL || link->ops == NULL || owner == NULL || owner->on_call == NULL ||
        owner->on_answer == NULL || timeout_ms == 0u) {
        return HF_E_ARGUMENT;
    }
    *rpc = (evse_rpc_t){.link = *link,
                        .owner = *owner,
                        .log = log,
                        .timeout_ms = timeout_ms,
                        .can_defer = true,
                        .why = ""};
    return HF_OK;
}

bool evse_rpc_has_room(const evse_rpc_t *rpc)
{
    size_t capacity = 0u;
    return rpc->link.ops->room(rpc->link.ctx, &capacity) != NULL;
}

bool evse_rpc_is_free(const evse_rpc_t *rpc)
{
    return !rpc->outstanding && evse_rpc_has_room(rpc);
}

bool evse_rpc_frame_begin(evse_rpc_t *rpc, evse_rpc_draft_t *draft, int type)
{
    size_t capacity = 0u;
    char *room = rpc->link.ops->room(rpc->link.ctx, &capacity);
    if (room == NULL) {
        return false;
    }
    hf_builder_init(&draft->out, room, capacity);
    hf_json_writer_init(&draft->json, &draft->out);
    hf_json_begin_array(&draft->json);
    const char digit = (char)('0' + type);
    hf_json_put_raw(&draft->json, (hf_slice_t){&digit, 1u});
    return true;
}

static int frame_send(evse_rpc_t *rpc, evse_rpc_draft_t *draft)
{
    hf_json_end_array(&draft->json);
    return draft->out.overflow ? HF_E_TOO_LONG
                               : rpc->link.ops->send(rpc->link.ctx, draft->out.length);
}

int evse_rpc_call_begin(evse_rpc_t *rpc, evse_rpc_draft_t *draft, const char *id,
                        const char *action)
{
    if (rpc->outstanding) {
        return HF_E_AGAIN;
    }
    if (hf_slice_copy((hf_slice_t){id, strlen(id)}, rpc->id, sizeof rpc->id) != 0) {
        return HF_E_TOO_LONG;
    }
    if (!evse_rpc_frame_begin(rpc, draft, EVSE_RPC_TYPE_CALL)) {
        return HF_E_AGAIN;
    }
    hf_json_put_string(&draft->json, id);
    hf_json_put_string(&draft->json, action);
    return HF_OK;
}

int evse_rpc_call_send(evse_rpc_t *rpc, evse_rpc_draft_t *draft, uint32_t token, uint64_t now_us)
{
    int status = frame_send(rpc, draft);
    if (status != HF_OK) {
        return status;
    }
    rpc->outstanding = true;
    rpc->token = token;
    rpc->sent_us = now_us;
    rpc->calls_sent++;
    return HF_OK;
}

bool evse_rpc_can_defer(const evse_rpc_t *rpc)
{
    return rpc->can_defer;
}

int evse_rpc_reply_begin(evse_rpc_t *rpc, evse_rpc_draft_t *draft)
{
    if (!rpc->is_deferring) {
        return HF_E_NOT_FOUND;
    }
    if (!evse_rpc_frame_begin(rpc, draft, EVSE_RPC_TYPE_RESULT)) {
        return HF_E_AGAIN;
    }
    rpc->is_deferring = false;
    hf_json_put_string(&draft->json, rpc->deferred_id);
    return HF_OK;
}

int evse_rpc_reply_send(evse_rpc_t *rpc, evse_rpc_draft_t *draft)
{
    int status = frame_send(rpc, draft);
    if (status != HF_OK) {
        rpc->replies_lost++;
        HF_LOGW(rpc->log, rpc->now_us, OCPP, "answer of %zu bytes lost: %s", draft->out.length,
                hf_status_text(status));
    }
    return status;
}

static void end_call(evse_rpc_t *rpc, uint64_t now_us)
{
    rpc->outstanding = false;
    rpc->timeouts++;
    rpc->owner.on_answer(rpc->owner.ctx, rpc->token, EVSE_RPC_TIMEOUT, (hf_json_t){0}, now_us);
}

void evse_rpc_poll(evse_rpc_t *rpc, uint64_t now_us)
{
    rpc->now_us = now_us;
    for (unsigned i = 0u; i < MESSAGES_PER_POLL && evse_rpc_has_room(rpc); i++) {
        const char *text = NULL;
        size_t length = 0u;
        if (rpc->link.ops->receive(rpc->link.ctx, &text, &length) <= 0) {
            break;
        }
        evse_rpc_receive(rpc, text, length, now_us);
    }
    if (rpc->outstanding && now_us - rpc->sent_us >= rpc->timeout_ms * HF_US_PER_MS) {
        end_call(rpc, now_us);
    }
}

void evse_rpc_reset(evse_rpc_t *rpc, uint64_t now_us)
{
    rpc->now_us = now_us;
    rpc->is_deferring = false;
    if (rpc->outstanding) {
        end_call(rpc, now_us);
    }
}
