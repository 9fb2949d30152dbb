// SPDX-License-Identifier: MIT
// Sessions under faults, judged by what the central system was billed: the real comms core and store in stepped time, a
// flash that loses power, a link that breaks, and a central system that never answers, or late, twice, with an error, or
// for another id. Invariants of the judgement: duplicates by message id removed, every session in which power flowed has
// exactly one Start and one Stop, in order, with its energy, times and reason, and every reading that was promised; what
// was sent again was the same, was not ahead of its turn, and a fault fell between its sending and its stored confirmation.
#ifndef BILLING_H
#define BILLING_H

#include <stdbool.h>
#include <stdint.h>

#define BILLING_CONNECTORS 2u
#define BILLING_SESSIONS   128u
#define BILLING_ATTEMPTS   3u // TransactionMessageAttempts

/// What the central system does with a message of a transaction.
typedef enum billing_answer {
    BILLING_ANSWER,    // as it should
    BILLING_NEVER,     // takes it, says nothing
    BILLING_LATE,      // 45 s later, which is after the message time-out
    BILLING_VERY_LATE, // 75 s later, which is after it was sent again
    BILLING_ERROR,     // CALLERROR InternalError
    BILLING_TWICE, // the same answer again, while the next message is under way, and a second later
    BILLING_OTHER_ID,  // the answer to a message nobody sent
    BILLING_TAKE_DROP, // takes it, and the link breaks before the answer
    BILLING_DROP,      // the link breaks on the way there
    BILLING_ANSWERS
} billing_answer_t;

typedef struct billing_config {
    uint32_t segment_bytes, segment_count, program_bytes; // 0: 64 KB, 2, 4
    bool loses_unsynced; // a power cut loses pages written since the last sync, by chance
    bool garbage;        // and leaves garbage in the byte it falls on
    uint32_t sync_polls; // a sync takes so many polls
    uint32_t sample_s;   // MeterValueSampleInterval
    uint32_t latency_ms; // of every answer
    bool stop_data;      // StopTxnSampledData
    bool long_readings;  // every measurand there is
    uint32_t seed;
} billing_config_t;

/// Tells on standard output what arrives and what falls.
void billing_trace(void);
void billing_open(const billing_config_t *config);
/// The n-th message of a transaction from now on (from 1), and `count` in all, is met like this.
void billing_misbehave(billing_answer_t answer, uint32_t nth, uint32_t count);
/// And so many right after those.
void billing_misbehave_then(billing_answer_t answer, uint32_t count);
/// The network, and whether it is half open: takes everything, brings nothing.
void billing_link(bool up, bool half_open);
void billing_drop(void);
/// True while there is a connection.
bool billing_is_online(void);
/// The central system's clock jumps.
void billing_jump_clock(int64_t seconds);
/// Power goes at this step of the flash (a byte programmed, or an erase), or now (0). It comes back at once.
void billing_cut_at(uint64_t step);
/// The process ends now, what it wrote stays; it starts again at once.
void billing_kill(void);
/// The central system asks for it; the station restarts when it says that it may.
void billing_reset(bool hard);
/// The nth sync from now fails.
void billing_fail_sync(uint32_t nth);
/// Another module keeps so many bytes in the store, or forgets them (0).
void billing_keep(uint16_t key, uint32_t bytes);
/// Steps the flash has made since it was powered on.
uint64_t billing_flash_steps(void);
/// Presents a card that was never seen before; true when a session began (it may end by itself), or was ended.
bool billing_card(unsigned connector);
void billing_plug(unsigned connector, bool plugged);
/// True while control lets power flow.
bool billing_is_charging(unsigned connector);
void billing_run_ms(uint64_t ms);
/// A whole session: plug, card, `ms` of power, card, unplug.
void billing_session(unsigned connector, uint64_t ms);
/// Ends every fault and every session, waits for delivery (two hours at most), judges. The number of faults found, told
/// on standard output with `what`.
unsigned billing_judge(const char *what);
typedef struct billing_totals {
    unsigned sessions, billed, resends, explained, readings, boots, lost_messages, thinned, refused,
        compactions;
} billing_totals_t;
billing_totals_t billing_totals(void);

#endif
