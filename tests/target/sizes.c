// SPDX-License-Identifier: MIT
// Sizes of the types an integrator pays for, as the sizes of arrays: footprint.py reads them from the symbol table.
#include "evse/evse.h"
#include "evse/evse_ws.h"
#include "holdfast/hf_dossier.h"
#include "holdfast/hf_mutex.h"
#include "holdfast/hf_telemetry.h"

#define SIZE_OF(type)                                                                              \
    extern const uint8_t sizeof_##type[sizeof(type)];                                              \
    const uint8_t sizeof_##type[sizeof(type)] = {0}

SIZE_OF(evse_t);
SIZE_OF(evse_control_t);
SIZE_OF(evse_channel_t);
SIZE_OF(evse_mailbox_t);
SIZE_OF(evse_store_t);
SIZE_OF(evse_ocpp_t);
SIZE_OF(evse_session_t);
SIZE_OF(evse_ws_t);
SIZE_OF(hf_journal_t);
SIZE_OF(evse_message_t);
SIZE_OF(evse_transaction_t);
SIZE_OF(hf_log_line_t);
SIZE_OF(hf_telemetry_t);
SIZE_OF(hf_tripwire_t);
SIZE_OF(hf_tasks_t);
SIZE_OF(hf_mutex_t);
SIZE_OF(hf_history_sample_t);
SIZE_OF(hf_dossier_t);
