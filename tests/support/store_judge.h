// SPDX-License-Identifier: MIT
// The central system's side of a billing test, and the truth to judge by: what really happened at the charger, and every
// message that came, duplicates removed by id. Lives outside of what loses power.
#ifndef STORE_JUDGE_H
#define STORE_JUDGE_H

#include "hf_test.h"
#include "support/store_world.h"

#define JUDGE_SESSIONS_MAX  96u
#define JUDGE_MESSAGES_MAX  1024u
#define JUDGE_EPOCH_MS      1700000000000ull
#define JUDGE_LOST_WH_MAX   50u // one checkpoint
#define JUDGE_TRANSACTION_0 500 // the central system's first transaction id

typedef struct judge_session {
    char tag[EVSE_ID_TAG_BYTES];
    unsigned connector;
    uint64_t start_mJ, true_mJ; // true_mJ: the real register while it ran, or at its end
    uint64_t start_at_ms;       // real time
    bool begun, ended;          // the store has said that this is durable
    bool end_called;
    uint8_t end_reason;
    int32_t sets; // sample sets for the STOP: the values 0 to sets - 1
} judge_session_t;

typedef struct judge_message {
    char id[EVSE_MESSAGE_ID_BYTES];
    uint64_t number; // of the id
    uint8_t kind, reason, context, samples;
    uint64_t Wh, utc_ms;
    int32_t transaction_id; // what it carried; of a START: what the answer gave
    char tag[EVSE_ID_TAG_BYTES];
    evse_sample_t sample[EVSE_SAMPLES_MAX];
    int32_t set[CONFIG_EVSE_TXDATA_MAX]; // of a STOP
    uint32_t sets;
} judge_message_t;

typedef struct judge {
    judge_session_t session[JUDGE_SESSIONS_MAX];
    unsigned sessions;
    judge_message_t message[JUDGE_MESSAGES_MAX]; // first deliveries, in their order
    unsigned messages;
    unsigned deliveries;                                  // duplicates included
    const char *wrong;                                    // the first thing that was; NULL nothing
    uint64_t now_ms;                                      // real time since the epoch of the test
    uint64_t boot_ms;                                     // when this boot began
    uint64_t mJ[CONFIG_EVSE_CONNECTORS_MAX];              // the real registers
    judge_session_t *running[CONFIG_EVSE_CONNECTORS_MAX]; // of this boot
    uint32_t journalled, journalled_durable;              // readings
    uint32_t thinned;                                     // in the boots before this one
    const uint32_t *thinned_now;
} judge_t;

static inline void judge_wrong(judge_t *judge, const char *what)
{
    if (judge->wrong == NULL) {
        judge->wrong = what;
    }
}

static inline uint64_t judge_since_boot_ms(const judge_t *judge)
{
    return judge->now_ms - judge->boot_ms;
}

static inline evse_moment_t judge_moment(const judge_t *judge, const world_t *w)
{
    return (evse_moment_t){.boot = w->store.boot, .since_boot_ms = judge_since_boot_ms(judge)};
}

/// Tells the store this boot's clock, and lets that become durable.
static inline int judge_tell_clock(judge_t *judge, world_t *w)
{
    int status = evse_store_set_clock(&w->store, JUDGE_EPOCH_MS + judge->boot_ms);
    return status == HF_E_FULL ? HF_OK : status;
}

// ---- what happens at the charger ----------------------------------------------------------------

static inline int judge_begin(judge_t *judge, world_t *w, unsigned connector)
{
    judge_session_t *session = &judge->session[judge->sessions];
    memset(session, 0, sizeof *session);
    memcpy(session->tag, "TAG-00", 7);
    session->tag[4] = (char)('0' + judge->sessions / 10u);
    session->tag[5] = (char)('0' + judge->sessions % 10u);
    session->connector = connector;
    session->start_mJ = session->true_mJ = judge->mJ[connector];
    session->start_at_ms = judge->now_ms;
    judge->sessions++;
    judge->thinned_now = &w->store.thinned;
    int status =
        world_begin(w, connector, session->tag, judge->mJ[connector], judge_moment(judge, w));
    if (status == HF_OK) {
        judge->running[connector] = session;
    }
    return status;
}

/// Energy flows, as soon as the start record is durable and not before; checkpoints as the loop does.
static inline int judge_charge(judge_t *judge, world_t *w, unsigned connector, uint64_t mJ)
{
    judge_session_t *session = judge->running[connector];
    const evse_transaction_t *open = w->store.open[connector];
    if (session == NULL || open == NULL ||
        hf_journal_durable(&w->store.journal) < open->durable_at) {
        return HF_OK;
    }
    session->begun = true;
    judge->mJ[connector] += mJ;
    session->true_mJ = judge->mJ[connector];
    return evse_store_register(&w->store, connector, judge->mJ[connector],
                               judge_since_boot_ms(judge) * 1000u, false);
}

static inline int judge_meter(judge_t *judge, world_t *w, unsigned connector, bool keep)
{
    const evse_message_t sample = {.at = judge_moment(judge, w),
                                   .register_Wh = judge->mJ[connector] / WH,
                                   .samples = 1,
                                   .sample = {{.measurand = 2, .value = -7}}};
    judge->thinned_now = &w->store.thinned;
    int status = evse_store_meter(&w->store, connector, &sample, keep);
    judge->journalled += status == HF_OK && keep ? 1u : 0u;
    return status == HF_E_FULL ? HF_OK : status;
}

/// What memory alone holds is journalled, late.
static inline int judge_keep_all(judge_t *judge, world_t *w)
{
    uint32_t held = w->store.readings, thinned = w->store.thinned;
    judge->thinned_now = &w->store.thinned;
    int status = evse_store_keep_all(&w->store);
    if (status == HF_OK) {
        uint32_t gone = w->store.thinned - thinned;
        judge->journalled += held > gone ? held - gone : 0u;
    }
    return status == HF_E_FULL ? HF_OK : status;
}

/// One more sample set for the STOP.
static inline int judge_txdata(judge_t *judge, world_t *w, unsigned connector)
{
    judge_session_t *session = judge->running[connector];
    if (session == NULL || w->store.open[connector] == NULL) {
        return HF_OK;
    }
    const evse_message_t sample = {.at = judge_moment(judge, w),
                                   .samples = 1,
                                   .sample = {{.measurand = 1, .value = session->sets}}};
    judge->thinned_now = &w->store.thinned;
    int status = evse_store_txdata(&w->store, connector, &sample);
    session->sets += status == HF_OK ? 1 : 0;
    return status == HF_E_FULL ? HF_OK : status;
}

static inline int judge_end(judge_t *judge, world_t *w, unsigned connector, uint8_t reason)
{
    judge_session_t *session = judge->running[connector];
    int status = evse_store_end(&w->store, connector, (evse_stop_reason_t)reason, NULL,
                                judge->mJ[connector], judge_moment(judge, w));
    if (session != NULL) {
        session->end_called = true;
        session->end_reason = reason;
    }
    judge->running[connector] = NULL;
    return status;
}

/// Notes what the store says is durable now.
static inline void judge_note_durable(judge_t *judge, const world_t *w)
{
    if (!evse_store_is_durable(&w->store)) {
        return;
    }
    judge->journalled_durable = judge->journalled;
    for (unsigned i = 0; i < judge->sessions; i++) {
        judge_session_t *session = &judge->session[i];
        session->ended = session->ended || session->end_called;
        session->begun =
            session->begun || session->ended || judge->running[session->connector] == session;
    }
}

/// After a cut: what ran, runs no more.
static inline void judge_power_lost(judge_t *judge)
{
    memset(judge->running, 0, sizeof judge->running);
    judge->thinned += judge->thinned_now != NULL ? *judge->thinned_now : 0u;
    judge->thinned_now = NULL;
    judge->journalled = judge->journalled_durable;
    for (unsigned i = 0; i < judge->sessions; i++) {
        judge->session[i].end_called = judge->session[i].ended; // else it may be lost
    }
    judge->now_ms += 5000;
    judge->boot_ms = judge->now_ms;
}

// ---- what arrives -------------------------------------------------------------------------------

static inline const judge_message_t *judge_find_start(const judge_t *judge, const char *tag)
{
    for (unsigned i = 0; i < judge->messages; i++) {
        if (judge->message[i].kind == EVSE_MESSAGE_START &&
            strcmp(judge->message[i].tag, tag) == 0) {
            return &judge->message[i];
        }
    }
    return NULL;
}

static inline void judge_read_sets(judge_t *judge, world_t *w, judge_message_t *read,
                                   uint32_t transaction)
{
    evse_message_t set;
    uint32_t cursor = 0;
    int status;
    while ((status = evse_store_txdata_next(&w->store, transaction, &cursor, &set)) > 0) {
        if (read->sets == CONFIG_EVSE_TXDATA_MAX || set.samples != 1 ||
            (read->sets > 0 && set.sample[0].value <= read->set[read->sets - 1u])) {
            judge_wrong(judge, "sample sets of a STOP: too many, or out of order");
            return;
        }
        read->set[read->sets++] = set.sample[0].value;
    }
    if (status < 0 || (read->sets > 0 && read->set[0] != 0)) {
        judge_wrong(judge, "the first sample set of a STOP is gone");
    }
}

static inline judge_message_t judge_read(judge_t *judge, world_t *w, const evse_message_t *message)
{
    judge_message_t read;
    memset(&read, 0, sizeof read);
    const evse_transaction_t *transaction = evse_store_transaction(&w->store, message->transaction);
    evse_store_id_text(&w->store, message->id, read.id);
    read.number = message->id;
    read.kind = message->kind;
    read.reason = message->reason;
    read.context = message->context;
    read.samples = message->samples;
    read.Wh = message->register_Wh;
    read.utc_ms = evse_store_utc_ms(&w->store, message->at);
    read.transaction_id = message->kind == EVSE_MESSAGE_START ? 0 : transaction->transaction_id;
    memcpy(read.tag, transaction->id_tag, sizeof read.tag);
    for (unsigned i = 0; i < message->samples; i++) {
        read.sample[i].measurand = message->sample[i].measurand;
        read.sample[i].value = message->sample[i].value;
    }
    if (message->kind == EVSE_MESSAGE_STOP) {
        judge_read_sets(judge, w, &read, message->transaction);
    }
    return read;
}

/// Takes what was sent; returns the transaction id of the answer.
static inline int32_t judge_receive(judge_t *judge, world_t *w, const evse_message_t *message)
{
    judge_message_t read = judge_read(judge, w, message);
    judge->deliveries++;
    if (read.utc_ms == 0) {
        judge_wrong(judge, "a message without a time");
    }
    for (unsigned i = 0; i < judge->messages; i++) {
        judge_message_t *known = &judge->message[i];
        if (strcmp(known->id, read.id) == 0) {
            int32_t answer = known->transaction_id;
            if (read.kind == EVSE_MESSAGE_START) {
                read.transaction_id = answer;
            }
            if (memcmp(known, &read, sizeof read) != 0) {
                judge_wrong(judge, "a resend differs");
            }
            return answer;
        }
    }
    if (judge->messages > 0 && read.number <= judge->message[judge->messages - 1u].number) {
        judge_wrong(judge, "out of order");
    }
    if (read.kind == EVSE_MESSAGE_START) {
        read.transaction_id = JUDGE_TRANSACTION_0 + (int32_t)judge->messages;
    } else if (judge_find_start(judge, read.tag) == NULL ||
               judge_find_start(judge, read.tag)->transaction_id != read.transaction_id) {
        judge_wrong(judge, "not the id its START was given");
    }
    if (judge->messages == JUDGE_MESSAGES_MAX) {
        judge_wrong(judge, "more messages than the test can hold");
        return 0;
    }
    judge->message[judge->messages++] = read;
    return read.transaction_id;
}

/// The message to send, as soon as the store offers it: before, during or after any sync.
static inline int judge_wait(world_t *w, const evse_message_t **message)
{
    int status = HF_OK;
    for (unsigned i = 0; i < 4u * (w->ram.sync_polls + 2u); i++) {
        *message = evse_store_next(&w->store);
        if (*message != NULL || status < 0) {
            return status;
        }
        status = evse_store_poll(&w->store, 0);
    }
    return status;
}

/// Delivers up to `most` messages; `answered` false: the last one's answer is lost. Returns the first failure.
static inline int judge_deliver(judge_t *judge, world_t *w, unsigned most, bool answered)
{
    for (unsigned i = 0; i < most; i++) {
        const evse_message_t *message = NULL;
        int status = judge_wait(w, &message);
        if (message == NULL || evse_store_utc_ms(&w->store, message->at) == 0) {
            return status;
        }
        int32_t transaction_id = judge_receive(judge, w, message);
        if (i + 1u == most && !answered) {
            return HF_OK;
        }
        status = evse_store_confirm(&w->store, transaction_id);
        if (status < 0) {
            return status;
        }
    }
    return HF_OK;
}

// ---- the verdict --------------------------------------------------------------------------------

static inline void judge_stop(judge_t *judge, const judge_session_t *session,
                              const judge_message_t *start, const judge_message_t *stop)
{
    uint64_t true_Wh = session->true_mJ / WH;
    if (stop->Wh < start->Wh || stop->Wh > true_Wh) {
        judge_wrong(judge, "meterStop below meterStart or above the truth");
    }
    if (true_Wh - stop->Wh > JUDGE_LOST_WH_MAX) {
        judge_wrong(judge, "more energy lost than one checkpoint");
    }
    if (stop->utc_ms < start->utc_ms) {
        judge_wrong(judge, "stopped before it started");
    }
    if (session->ended && (stop->reason != session->end_reason || stop->Wh != true_Wh)) {
        judge_wrong(judge, "a durable end was billed otherwise");
    }
    if (session->ended && session->sets > 0 &&
        (stop->sets == 0 || stop->set[stop->sets - 1u] != session->sets - 1)) {
        judge_wrong(judge, "the newest sample set of a STOP is gone");
    }
}

/// Those that were durable arrived, but for the thinned ones.
static inline void judge_readings(judge_t *judge)
{
    uint32_t arrived = 0;
    for (unsigned i = 0; i < judge->messages; i++) {
        arrived += judge->message[i].kind == EVSE_MESSAGE_METER ? 1u : 0u;
    }
    uint32_t thinned = judge->thinned + (judge->thinned_now != NULL ? *judge->thinned_now : 0u);
    if (arrived + thinned < judge->journalled_durable) {
        judge_wrong(judge, "a journalled reading was lost");
    }
}

static inline void judge_one(judge_t *judge, const judge_session_t *session)
{
    const judge_message_t *start = NULL, *stop = NULL;
    unsigned starts = 0, stops = 0;
    for (unsigned i = 0; i < judge->messages; i++) {
        const judge_message_t *message = &judge->message[i];
        if (strcmp(message->tag, session->tag) != 0) {
            continue;
        }
        if (message->kind == EVSE_MESSAGE_START) {
            starts++;
            start = message;
        } else if (message->kind == EVSE_MESSAGE_STOP) {
            stops++;
            stop = message;
        }
    }
    if (starts != stops || starts > 1 || (session->begun && starts != 1)) {
        judge_wrong(judge, "not exactly one START and one STOP");
        return;
    }
    if (starts == 0) {
        return;
    }
    if (start->Wh != session->start_mJ / WH) {
        judge_wrong(judge, "meterStart is not the register");
    }
    if (start->utc_ms < JUDGE_EPOCH_MS + session->start_at_ms) {
        judge_wrong(judge, "a time before the truth");
    }
    judge_stop(judge, session, start, stop);
}

/// Call when everything has been delivered. NULL when all is well.
static inline const char *judge_verdict(judge_t *judge, const world_t *w)
{
    if (evse_store_waiting(&w->store) > 0) {
        judge_wrong(judge, "not everything was delivered");
    }
    for (unsigned i = 0; i < judge->sessions; i++) {
        judge_one(judge, &judge->session[i]);
    }
    judge_readings(judge);
    if (w->ram.overwrites != 0 || w->ram.misuses != 0) {
        judge_wrong(judge, "flash was misused");
    }
    return judge->wrong;
}

#endif
