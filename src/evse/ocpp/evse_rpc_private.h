// SPDX-License-Identifier: MIT
// What the files of the RPC layer share. Private to evse_rpc*.c.
#ifndef EVSE_RPC_PRIVATE_H
#define EVSE_RPC_PRIVATE_H

#include "evse/evse_rpc.h"

enum { EVSE_RPC_TYPE_CALL = 2, EVSE_RPC_TYPE_RESULT = 3, EVSE_RPC_TYPE_ERROR = 4 };

// evse_rpc.c
/// Opens a message in the link's room: its type is written. False without room: nothing may be written then.
bool evse_rpc_frame_begin(evse_rpc_t *rpc, evse_rpc_draft_t *draft, int type);

// evse_rpc_receive.c
/// One message, whatever it is. Apart from the poll, whose round without one stays short.
void evse_rpc_receive(evse_rpc_t *rpc, const char *text, size_t length, uint64_t now_us);

#endif
