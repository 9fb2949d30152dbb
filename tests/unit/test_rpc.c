// SPDX-License-Identifier: MIT
// OCPP-J framing over a link in memory: what goes out, what comes back for what is right, wrong, late or broken.
#include "evse/evse_rpc.h"
#include "hf_test.h"

typedef struct bench {
    evse_rpc_t rpc;
    // link
    char room[1024];
    bool is_full;
    const char *incoming[16];
    unsigned head, tail;
    int send_status;
    char sent[16][1024];
    unsigned sent_count;
    // owner
    unsigned calls, answers, lates;
    char late_id[40];
    char action[64], payload[256];
    evse_rpc_error_t error;
    size_t filler;
    uint32_t token;
    evse_rpc_outcome_t outcome;
    char result[256];
} bench_t;

static bench_t bench;

static char *link_room(void *ctx, size_t *capacity)
{
    bench_t *b = ctx;
    *capacity = sizeof b->room;
    return b->is_full ? NULL : b->room;
}

static int link_send(void *ctx, size_t length)
{
    bench_t *b = ctx;
    if (b->send_status != 0) {
        return b->send_status;
    }
    snprintf(b->sent[b->sent_count++ % 16], sizeof b->sent[0], "%.*s", (int)length, b->room);
    return 0;
}

static int link_receive(void *ctx, const char **text, size_t *length)
{
    bench_t *b = ctx;
    if (b->head == b->tail) {
        return 0;
    }
    *text = b->incoming[b->head++ % 16];
    *length = strlen(*text);
    return 1;
}

static const evse_link_ops_t link_ops = {
    .room = link_room, .send = link_send, .receive = link_receive};

static evse_rpc_error_t on_call(void *ctx, hf_slice_t action, hf_json_t payload,
                                hf_json_writer_t *reply)
{
    bench_t *b = ctx;
    b->calls++;
    snprintf(b->action, sizeof b->action, "%.*s", (int)action.length, action.text);
    snprintf(b->payload, sizeof b->payload, "%.*s", (int)payload.raw.length, payload.raw.text);
    if (b->error != EVSE_RPC_NO_ERROR) {
        return b->error;
    }
    hf_json_begin_object(reply);
    hf_json_string_field(reply, "status", "Accepted");
    for (size_t i = 0; i < b->filler; i++) {
        hf_json_string_field(reply, "filler", "0123456789");
    }
    hf_json_end_object(reply);
    return EVSE_RPC_NO_ERROR;
}

static void on_answer(void *ctx, uint32_t token, evse_rpc_outcome_t outcome, hf_json_t payload,
                      uint64_t now_us)
{
    bench_t *b = ctx;
    (void)now_us;
    b->answers++;
    b->token = token;
    b->outcome = outcome;
    snprintf(b->result, sizeof b->result, "%.*s", (int)payload.raw.length,
             payload.raw.text != NULL ? payload.raw.text : "");
}

static bool on_late(void *ctx, const char *id, evse_rpc_outcome_t outcome, hf_json_t payload,
                    uint64_t now_us)
{
    bench_t *b = ctx;
    (void)now_us;
    b->lates++;
    b->outcome = outcome;
    snprintf(b->late_id, sizeof b->late_id, "%s", id);
    snprintf(b->result, sizeof b->result, "%.*s", (int)payload.raw.length,
             payload.raw.text != NULL ? payload.raw.text : "");
    return strcmp(id, "a-0") == 0;
}

static bench_t *start(void)
{
    memset(&bench, 0, sizeof bench);
    const evse_link_t link = {.ops = &link_ops, .ctx = &bench};
    const evse_rpc_owner_t owner = {
        .ctx = &bench, .on_call = on_call, .on_answer = on_answer, .on_late = on_late};
    CHECK_EQ(evse_rpc_init(&bench.rpc, &link, &owner, 30000, NULL), 0);
    return &bench;
}

static void hear(bench_t *b, const char *text)
{
    b->incoming[b->tail++ % 16] = text;
    evse_rpc_poll(&b->rpc, 1000);
}

static int call_with(bench_t *b, const char *id, const char *action, hf_slice_t payload,
                     uint32_t token)
{
    evse_rpc_draft_t draft;
    int status = evse_rpc_call_begin(&b->rpc, &draft, id, action);
    if (status != HF_OK) {
        return status;
    }
    hf_json_put_raw(&draft.json, payload);
    return evse_rpc_call_send(&b->rpc, &draft, token, 1000);
}

static int call(bench_t *b, const char *id)
{
    return call_with(b, id, "Heartbeat", HF_SLICE("{}"), 7);
}

#define LAST(b) ((b)->sent[((b)->sent_count - 1u) % 16])

static void rpc_call_is_framed_and_answered(void)
{
    bench_t *b = start();
    CHECK_EQ(call(b, "a-1"), 0);
    CHECK_STR(LAST(b), "[2,\"a-1\",\"Heartbeat\",{}]");
    CHECK(!evse_rpc_is_free(&b->rpc));
    hear(b, " [ 3 , \"a-1\" , {\"currentTime\":\"x\"} ] ");
    CHECK_EQ(b->answers, 1);
    CHECK_EQ(b->token, 7);
    CHECK_EQ(b->outcome, EVSE_RPC_RESULT);
    CHECK_STR(b->result, "{\"currentTime\":\"x\"}");
    CHECK(evse_rpc_is_free(&b->rpc));
}

static void rule_23_second_call_waits_and_incoming_is_answered_meanwhile(void)
{
    bench_t *b = start();
    CHECK_EQ(call(b, "a-1"), 0);
    CHECK_EQ(call(b, "a-2"), HF_E_AGAIN);
    hear(b, "[2,\"q\",\"Reset\",{\"type\":\"Soft\"}]");
    CHECK_STR(LAST(b), "[3,\"q\",{\"status\":\"Accepted\"}]");
    CHECK_STR(b->action, "Reset");
    CHECK_STR(b->payload, "{\"type\":\"Soft\"}");
    CHECK(b->rpc.outstanding);
    CHECK_EQ(b->answers, 0);
}

static void rpc_callerror_is_refusal(void)
{
    bench_t *b = start();
    CHECK_EQ(call(b, "a-1"), 0);
    hear(b, "[4,\"a-1\",\"InternalError\",\"no\",{}]");
    CHECK_EQ(b->outcome, EVSE_RPC_REFUSED);
    CHECK_EQ(b->rpc.errors_received, 1);
    CHECK_EQ(b->rpc.malformed, 0);
    CHECK_EQ(call(b, "a-2"), 0);
    hear(b, "[4,\"a-2\",\"InternalError\"]"); // incomplete, but clear
    CHECK_EQ(b->answers, 2);
    CHECK_EQ(b->rpc.malformed, 1);
}

static void rule_06_late_answer_is_offered_to_the_owner_by_its_id(void)
{
    bench_t *b = start();
    hear(b, "[3,\"a-0\",{\"transactionId\":7}]");
    CHECK_EQ(b->lates, 1);
    CHECK_STR(b->late_id, "a-0");
    CHECK_STR(b->result, "{\"transactionId\":7}");
    CHECK_EQ(b->outcome, EVSE_RPC_RESULT);
    CHECK_EQ(call(b, "a-1"), 0);
    hear(b, "[4,\"a-0\",\"GenericError\",\"\",{}]");
    CHECK_EQ(b->lates, 2);
    CHECK_EQ(b->outcome, EVSE_RPC_REFUSED);
    CHECK_EQ(b->rpc.late, 2);
    CHECK_EQ(b->rpc.stray, 0);
    CHECK_EQ(b->answers, 0); // the one outstanding goes on waiting
    CHECK(b->rpc.outstanding);
    evse_rpc_poll(&b->rpc, 1000 + 30000000);
    CHECK_EQ(b->outcome, EVSE_RPC_TIMEOUT);
    hear(b, "[3,\"a-1\",{}]"); // late by now: no second end
    CHECK_EQ(b->answers, 1);
    CHECK_EQ(b->lates, 3);
}

static void rpc_foreign_and_broken_late_answers_are_stray(void)
{
    bench_t *b = start();
    hear(b, "[3,\"b-9\",{}]");
    CHECK_EQ(b->lates, 1);
    CHECK_EQ(b->rpc.stray, 1);
    hear(b, "[3,\"0123456789012345678901234567890123456789\",{}]"); // no id of ours
    hear(b, "[3,17,{}]");
    CHECK_EQ(b->lates, 1);
    CHECK_EQ(b->rpc.stray, 3);
    hear(b, "[3,\"a-0\",[]]");
    CHECK_EQ(b->lates, 1);
    CHECK_EQ(b->rpc.malformed, 1);
    CHECK_EQ(b->rpc.late, 0);
}

static void rpc_timeout_ends_the_call_once(void)
{
    bench_t *b = start();
    CHECK_EQ(call(b, "a-1"), 0);
    evse_rpc_poll(&b->rpc, 1000 + 29999999);
    CHECK_EQ(b->answers, 0);
    evse_rpc_poll(&b->rpc, 1000 + 30000000);
    CHECK_EQ(b->answers, 1);
    CHECK_EQ(b->outcome, EVSE_RPC_TIMEOUT);
    evse_rpc_poll(&b->rpc, 90000000);
    CHECK_EQ(b->answers, 1);
    CHECK_EQ(b->rpc.timeouts, 1);
}

static void rpc_reset_ends_the_call_as_timeout(void)
{
    bench_t *b = start();
    evse_rpc_reset(&b->rpc, 500);
    CHECK_EQ(b->answers, 0);
    CHECK_EQ(call(b, "a-1"), 0);
    evse_rpc_reset(&b->rpc, 2000);
    CHECK_EQ(b->answers, 1);
    CHECK_EQ(b->outcome, EVSE_RPC_TIMEOUT);
}

static void rpc_malformed_without_id_is_not_answered(void)
{
    bench_t *b = start();
    static const char *const broken[] = {"",
                                         "{",
                                         "nonsense",
                                         "[2",
                                         "[2,",
                                         "[2,\"abc",
                                         "[2,17,\"Reset\",{}",
                                         "[3,\"abc\",{",
                                         "{\"a\":1}",
                                         "[]",
                                         "[\"2\",\"a\",\"Reset\",{}]",
                                         "[2,{},\"Reset\",{}]",
                                         "null"};
    for (unsigned i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        hear(b, broken[i]);
        CHECK_EQ(b->rpc.malformed, i + 1);
    }
    CHECK_EQ(b->sent_count, 0);
    CHECK_EQ(b->calls, 0);
}

static void rpc_malformed_with_readable_id_is_formation_violation(void)
{
    bench_t *b = start();
    hear(b, "[2,\"x7\",\"Reset\",{\"type\":");
    CHECK_STR(LAST(b), "[4,\"x7\",\"FormationViolation\",\"not JSON\",{}]");
    static const char *const wrong[] = {"[2,\"x8\",\"Reset\"]", "[2,\"x8\",\"Reset\",[]]",
                                        "[2,\"x8\",17,{}]", "[2,\"x8\",\"Reset\",{},1]",
                                        "[2,\"x8\"]"};
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        hear(b, wrong[i]);
        CHECK(strncmp(LAST(b), "[4,\"x8\",\"FormationViolation\",", 29) == 0);
        CHECK_EQ(b->sent_count, i + 2);
    }
    CHECK_EQ(b->calls, 0);
}

static void rpc_unknown_message_type_is_ignored(void)
{
    bench_t *b = start();
    hear(b, "[5,\"x\",\"Reset\",{}]");
    hear(b, "[-1,\"x\",{}]");
    CHECK_EQ(b->sent_count, 0);
    CHECK_EQ(b->rpc.stray, 2);
}

static void rpc_id_of_36_characters_is_echoed_escaped(void)
{
    bench_t *b = start();
    hear(b, "[2,\"0123456789012345678901234567890123\\\"\\u00e9\",\"Reset\",{}]");
    CHECK_STR(LAST(b), "[3,\"0123456789012345678901234567890123\\\"\xc3\xa9\","
                       "{\"status\":\"Accepted\"}]");
    hear(b, "[2,\"0123456789012345678901234567890123456\",\"Reset\",{}]"); // 37
    CHECK_STR(LAST(b), "[4,\"0123456789012345678901234567890123456\",\"FormationViolation\","
                       "\"message id\",{}]");
    CHECK_EQ(b->calls, 1);
}

static void rpc_owners_error_is_sent_by_name(void)
{
    bench_t *b = start();
    b->error = EVSE_RPC_OccurenceConstraintViolation;
    hear(b, "[2,\"q\",\"Reset\",{}]");
    CHECK_STR(LAST(b), "[4,\"q\",\"OccurenceConstraintViolation\",\"\",{}]");
    CHECK_EQ(b->rpc.errors_sent, 1);
}

static void rpc_nothing_is_received_while_there_is_no_room_to_answer(void)
{
    bench_t *b = start();
    b->is_full = true;
    hear(b, "[2,\"q1\",\"Reset\",{}]");
    hear(b, "[2,\"q2\",\"Reset\",{}]");
    CHECK_EQ(b->calls, 0);
    CHECK_EQ(b->head, 0);
    CHECK(!evse_rpc_is_free(&b->rpc));
    CHECK_EQ(call(b, "a"), HF_E_AGAIN);
    b->is_full = false;
    CHECK(evse_rpc_is_free(&b->rpc));
    evse_rpc_poll(&b->rpc, 1000);
    CHECK_EQ(b->sent_count, 2);
    CHECK_STR(b->sent[0], "[3,\"q1\",{\"status\":\"Accepted\"}]");
    CHECK_STR(b->sent[1], "[3,\"q2\",{\"status\":\"Accepted\"}]");
    CHECK_EQ(b->rpc.replies_lost, 0);
}

static void rpc_timeout_is_found_while_there_is_no_room(void)
{
    bench_t *b = start();
    CHECK_EQ(call(b, "a-1"), 0);
    b->is_full = true; // a peer that reads nothing
    evse_rpc_poll(&b->rpc, 1000 + 30000000);
    CHECK_EQ(b->outcome, EVSE_RPC_TIMEOUT);
    CHECK_EQ(b->answers, 1);
}

static void rpc_reply_that_cannot_be_sent_is_counted(void)
{
    bench_t *b = start();
    b->send_status = HF_E_CLOSED;
    hear(b, "[2,\"q1\",\"Reset\",{}]");
    CHECK_EQ(b->rpc.replies_lost, 1);
    CHECK_EQ(b->sent_count, 0);
}

static void rpc_deferred_reply_comes_later(void)
{
    bench_t *b = start();
    b->error = EVSE_RPC_DEFERRED;
    hear(b, "[2,\"q\\\"1\",\"UnlockConnector\",{}]");
    CHECK_EQ(b->sent_count, 0);
    evse_rpc_draft_t reply;
    b->is_full = true;
    CHECK_EQ(evse_rpc_reply_begin(&b->rpc, &reply), HF_E_AGAIN);
    b->is_full = false;
    CHECK_EQ(evse_rpc_reply_begin(&b->rpc, &reply), 0);
    hf_json_put_raw(&reply.json, HF_SLICE("{\"status\":\"Unlocked\"}"));
    CHECK_EQ(evse_rpc_reply_send(&b->rpc, &reply), 0);
    CHECK_STR(LAST(b), "[3,\"q\\\"1\",{\"status\":\"Unlocked\"}]");
}

static void rpc_one_answer_is_owed_at_a_time_and_none_of_a_long_id(void)
{
    static const char two_bytes[] = "\xC3\xA9", three_bytes[] = "\xE2\x82\xAC";
    bench_t *b = start();
    char text[200] = "[2,\"";
    for (unsigned i = 0; i < EVSE_RPC_CALL_ID_CHARACTERS; i++) {
        strcat(text, i == 0 ? three_bytes : two_bytes);
    }
    strcat(text, "\",\"UnlockConnector\",{}]");
    hear(b, text);
    CHECK(!evse_rpc_can_defer(&b->rpc));
    CHECK_EQ(b->sent_count, 1);
    hear(b, "[2,\"q1\",\"UnlockConnector\",{}]");
    CHECK(evse_rpc_can_defer(&b->rpc));
    b->error = EVSE_RPC_DEFERRED;
    hear(b, "[2,\"q2\",\"UnlockConnector\",{}]");
    b->error = EVSE_RPC_SILENT; // it does not take the place of the answer that is owed
    hear(b, "[2,\"q3\",\"UnlockConnector\",{}]");
    CHECK(!evse_rpc_can_defer(&b->rpc));
    CHECK_EQ(b->sent_count, 2);
    evse_rpc_draft_t reply;
    CHECK_EQ(evse_rpc_reply_begin(&b->rpc, &reply), 0);
    hf_json_put_raw(&reply.json, HF_SLICE("{}"));
    CHECK_EQ(evse_rpc_reply_send(&b->rpc, &reply), 0);
    CHECK_STR(LAST(b), "[3,\"q2\",{}]");
    CHECK_EQ(evse_rpc_reply_begin(&b->rpc, &reply), HF_E_NOT_FOUND);
}

static void rpc_answer_that_does_not_fit_is_internal_error(void)
{
    bench_t *b = start();
    b->filler = 100;
    hear(b, "[2,\"q\",\"GetConfiguration\",{}]");
    CHECK_STR(LAST(b), "[4,\"q\",\"InternalError\",\"answer too long\",{}]");
}

static void rpc_call_that_does_not_fit_is_never_sent(void)
{
    bench_t *b = start();
    static char payload[1100];
    memset(payload, ' ', sizeof payload);
    payload[0] = '{';
    payload[sizeof payload - 1] = '}';
    hf_slice_t slice = {payload, sizeof payload};
    CHECK_EQ(call_with(b, "a", "MeterValues", slice, 0), HF_E_TOO_LONG);
    CHECK_EQ(b->sent_count, 0);
    CHECK(evse_rpc_is_free(&b->rpc));
    b->send_status = HF_E_CLOSED;
    CHECK_EQ(call(b, "a"), HF_E_CLOSED);
    CHECK(evse_rpc_is_free(&b->rpc));
    CHECK_EQ(b->rpc.calls_sent, 0);
}

static void rpc_result_without_object_leaves_the_call_to_its_timeout(void)
{
    bench_t *b = start();
    CHECK_EQ(call(b, "a"), 0);
    hear(b, "[3,\"a\"]");
    hear(b, "[3,\"a\",[]]");
    hear(b, "[3,\"a\",{},{}]");
    CHECK_EQ(b->answers, 0);
    CHECK_EQ(b->rpc.malformed, 3);
    hear(b, "[3,\"a\",{}]");
    CHECK_EQ(b->answers, 1);
}

static void rpc_init_refuses_what_is_missing(void)
{
    bench_t *b = start();
    const evse_link_t link = {.ops = &link_ops, .ctx = b};
    const evse_rpc_owner_t owner = {.ctx = b, .on_call = on_call, .on_answer = on_answer};
    const evse_rpc_owner_t half = {.ctx = b, .on_call = on_call};
    evse_rpc_t rpc;
    CHECK_EQ(evse_rpc_init(&rpc, NULL, &owner, 1, NULL), HF_E_ARGUMENT);
    CHECK_EQ(evse_rpc_init(&rpc, &link, &half, 1, NULL), HF_E_ARGUMENT);
    CHECK_EQ(evse_rpc_init(&rpc, &link, &owner, 0, NULL), HF_E_ARGUMENT);
    CHECK_STR(evse_rpc_error_text(EVSE_RPC_FormationViolation), "FormationViolation");
    CHECK_STR(evse_rpc_error_text(99), "GenericError");
}

HF_TEST_MAIN(HF_TEST(rpc_call_is_framed_and_answered),
             HF_TEST(rule_23_second_call_waits_and_incoming_is_answered_meanwhile),
             HF_TEST(rpc_callerror_is_refusal),
             HF_TEST(rule_06_late_answer_is_offered_to_the_owner_by_its_id),
             HF_TEST(rpc_foreign_and_broken_late_answers_are_stray),
             HF_TEST(rpc_timeout_ends_the_call_once), HF_TEST(rpc_reset_ends_the_call_as_timeout),
             HF_TEST(rpc_malformed_without_id_is_not_answered),
             HF_TEST(rpc_malformed_with_readable_id_is_formation_violation),
             HF_TEST(rpc_unknown_message_type_is_ignored),
             HF_TEST(rpc_id_of_36_characters_is_echoed_escaped),
             HF_TEST(rpc_owners_error_is_sent_by_name),
             HF_TEST(rpc_nothing_is_received_while_there_is_no_room_to_answer),
             HF_TEST(rpc_timeout_is_found_while_there_is_no_room),
             HF_TEST(rpc_reply_that_cannot_be_sent_is_counted),
             HF_TEST(rpc_deferred_reply_comes_later),
             HF_TEST(rpc_one_answer_is_owed_at_a_time_and_none_of_a_long_id),
             HF_TEST(rpc_answer_that_does_not_fit_is_internal_error),
             HF_TEST(rpc_call_that_does_not_fit_is_never_sent),
             HF_TEST(rpc_result_without_object_leaves_the_call_to_its_timeout),
             HF_TEST(rpc_init_refuses_what_is_missing))
