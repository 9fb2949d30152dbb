// SPDX-License-Identifier: MIT
// What the files of the central system share: frames out, events, checks of what came in. Private to src/csms.
#ifndef CSMS_PRIVATE_H
#define CSMS_PRIVATE_H

#include "csms/csms.h"

#define CSMS_FRAME_BYTES 4096u
#define CSMS_EVENT_BYTES 8192u
#define CSMS_TEXT_BYTES  512u
#define CSMS_OWN_FAULT   "InternalError" // the one refusal that is no fault of the station's

/// Why a CALL is refused: a CALLERROR code as OCPP-J spells it and a description. NULL code: it is good.
typedef struct csms_refusal {
    const char *code;
    const char *why;
} csms_refusal_t;

/// A CALL under way: what came, and the answer's payload being written.
typedef struct csms_call {
    csms_t *csms;
    unsigned station;
    hf_json_t payload;
    char id[37];
    hf_json_writer_t *answer;
} csms_call_t;

typedef csms_refusal_t (*csms_handler_t)(csms_call_t *call);
/// NULL for an action this central system does not take.
csms_handler_t csms_handler_find(const char *action);

/// Judges a payload by the table of its action; NotImplemented for an action this central system does not take.
csms_refusal_t csms_check(const char *action, hf_json_t payload);

/// An event under construction; fields may be added before csms_event_end().
typedef struct csms_event {
    csms_t *csms;
    hf_builder_t out;
    hf_json_writer_t json;
    char text[CSMS_EVENT_BYTES];
} csms_event_t;
void csms_event_begin(csms_event_t *event, csms_t *csms, const char *name, const char *station);
void csms_event_end(csms_event_t *event);

/// Records a billed message; a duplicate by id is counted on the first. Returns the entry, NULL when the ledger is full.
csms_entry_t *csms_bill(csms_call_t *call, csms_ledger_kind_t kind, bool *is_new);
/// Queues a CALL to a station and sends it if none is outstanding. HF_E_FULL, HF_E_TOO_LONG.
HF_MUST_CHECK int csms_call_station(csms_t *csms, unsigned station, hf_slice_t action,
                                    hf_slice_t payload);
void csms_send_text(csms_t *csms, unsigned station, const hf_builder_t *text);
uint64_t csms_utc_ms(const csms_t *csms);

#endif
