// SPDX-License-Identifier: MIT
// OCPP-J RPC layer: one outstanding CALL each way, time-outs, CALLERROR codes as OCPP-J 1.6 spells them. It has no buffer:
// messages are written where the link sends them from, and the next one is received only while there is room to answer.
#ifndef EVSE_RPC_H
#define EVSE_RPC_H

#include "evse/evse_link.h"
#include "evse/evse_store.h"
#include "holdfast/hf_json.h"

// Spelt as the specification and its errata spell them, typos included.
#define EVSE_RPC_ERROR_TABLE(X)                                                                    \
    X(NotImplemented)                                                                              \
    X(NotSupported)                                                                                \
    X(InternalError)                                                                               \
    X(ProtocolError)                                                                               \
    X(SecurityError)                                                                               \
    X(FormationViolation)                                                                          \
    X(PropertyConstraintViolation)                                                                 \
    X(OccurenceConstraintViolation)                                                                \
    X(TypeConstraintViolation)                                                                     \
    X(GenericError)

typedef enum evse_rpc_error {
    EVSE_RPC_NO_ERROR,
#define EVSE_RPC_ERROR_ENUM(name) EVSE_RPC_##name,
    EVSE_RPC_ERROR_TABLE(EVSE_RPC_ERROR_ENUM)
#undef EVSE_RPC_ERROR_ENUM
        EVSE_RPC_ERROR_COUNT,
    EVSE_RPC_DEFERRED, // of on_call: evse_rpc_reply_begin() answers later. One at a time: see evse_rpc_can_defer()
    EVSE_RPC_SILENT, // of on_call: never answered
} evse_rpc_error_t;
const char *evse_rpc_error_text(unsigned error);

typedef enum evse_rpc_outcome {
    EVSE_RPC_RESULT,  // payload: the CALLRESULT's
    EVSE_RPC_REFUSED, // CALLERROR
    EVSE_RPC_TIMEOUT, // no answer in time, or the link went down first
} evse_rpc_outcome_t;

typedef struct evse_rpc evse_rpc_t;

typedef struct evse_rpc_owner {
    void *ctx;
    /// A CALL came in: write the response object into `reply`, or return why not. Called from evse_rpc_poll(); must
    /// not use the link (action and payload point into its buffer).
    evse_rpc_error_t (*on_call)(void *ctx, hf_slice_t action, hf_json_t payload,
                                hf_json_writer_t *reply);
    /// The outstanding CALL ended. `payload` is HF_JSON_NONE unless RESULT. As on_call, must not use the link.
    void (*on_answer)(void *ctx, uint32_t token, evse_rpc_outcome_t outcome, hf_json_t payload,
                      uint64_t now_us);
    /// An answer whose id is not that of the outstanding CALL: one of before a time-out or a reconnect, it may be (errata J
    /// 3.1, 3.3), or anything else a central system makes up. RESULT (`payload` an object) or REFUSED. True: it was known.
    /// May be NULL. As on_call, must not use the link.
    bool (*on_late)(void *ctx, const char *id, evse_rpc_outcome_t outcome, hf_json_t payload,
                    uint64_t now_us);
} evse_rpc_owner_t;

#define EVSE_RPC_CALL_ID_CHARACTERS 36u
#define EVSE_RPC_CALL_ID_BYTES      (EVSE_RPC_CALL_ID_CHARACTERS * 4u + 1u) // of an incoming CALL, UTF-8
#define EVSE_RPC_DEFERRED_ID_BYTES                                                                 \
    (EVSE_RPC_CALL_ID_CHARACTERS * 2u + 1u) // a longer one is answered at once

struct evse_rpc {
    evse_link_t link;
    evse_rpc_owner_t owner;
    hf_log_t *log;
    uint32_t timeout_ms;
    uint32_t token;
    bool outstanding;
    bool is_deferring; // the answer to deferred_id is owed
    bool can_defer;    // the CALL that on_call is asked about
    const char *why;   // static text on_call may leave for the description of a CALLERROR
    uint64_t sent_us;
    uint64_t now_us; // of the poll under way
    uint32_t calls_sent, calls_received, results, errors_received, errors_sent, timeouts, malformed,
        late, stray, replies_lost;
    char id[EVSE_MESSAGE_ID_BYTES];
    char deferred_id[EVSE_RPC_DEFERRED_ID_BYTES];
};

/// HF_E_ARGUMENT without link, owner or time-out.
HF_MUST_CHECK int evse_rpc_init(evse_rpc_t *rpc, const evse_link_t *link,
                                const evse_rpc_owner_t *owner, uint32_t timeout_ms, hf_log_t *log);
/// One message under way in the link's room: the caller writes its payload, one JSON value, into `json`. To leave it,
/// forget it.
typedef struct evse_rpc_draft {
    hf_builder_t out;
    hf_json_writer_t json;
} evse_rpc_draft_t;

/// Opens a CALL. HF_E_AGAIN while one is outstanding or the link has no room, HF_E_TOO_LONG (id). Nothing else of this RPC
/// or its link may be called before the draft is sent or left.
HF_MUST_CHECK int evse_rpc_call_begin(evse_rpc_t *rpc, evse_rpc_draft_t *draft, const char *id,
                                      const char *action);
/// Closes and sends it: HF_E_CLOSED, HF_E_TOO_LONG (never sent, never cut). `token` comes back in on_answer.
HF_MUST_CHECK int evse_rpc_call_send(evse_rpc_t *rpc, evse_rpc_draft_t *draft, uint32_t token,
                                     uint64_t now_us);
/// Of on_call: the CALL it is asked about may be deferred. Not while another answer is owed, or when its id is too long.
bool evse_rpc_can_defer(const evse_rpc_t *rpc);
/// Opens the answer that is owed. HF_E_AGAIN while the link has no room, HF_E_NOT_FOUND there is none, or it was of another
/// connection. Nothing in between, as above.
HF_MUST_CHECK int evse_rpc_reply_begin(evse_rpc_t *rpc, evse_rpc_draft_t *draft);
/// Closes and sends it. HF_E_CLOSED, HF_E_TOO_LONG.
HF_MUST_CHECK int evse_rpc_reply_send(evse_rpc_t *rpc, evse_rpc_draft_t *draft);
/// True when the link is open and the last message, call or answer, has left.
bool evse_rpc_has_room(const evse_rpc_t *rpc);
/// True when evse_rpc_call_begin() would not answer HF_E_AGAIN.
bool evse_rpc_is_free(const evse_rpc_t *rpc);
/// Receives and answers what has come, ends a CALL that is too old. Call while the link is open.
void evse_rpc_poll(evse_rpc_t *rpc, uint64_t now_us);
/// The link went down: the outstanding CALL ends as TIMEOUT, an answer that is owed is owed no more.
void evse_rpc_reset(evse_rpc_t *rpc, uint64_t now_us);

#endif
