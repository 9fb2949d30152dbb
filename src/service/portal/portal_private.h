// SPDX-License-Identifier: MIT
// Private to the portal: routes, and how to answer.
#ifndef PORTAL_PRIVATE_H
#define PORTAL_PRIVATE_H

#include "portal.h"
#include "portal_assets.h"

#include "holdfast/hf_json.h"

#include <microhttpd.h>

typedef enum MHD_Result portal_result_t;

/// A place of the API. `begin`: after the headers; HTTP status of a refusal, or 0. `take`: a piece of the body. `end`:
/// after it, and again after a job. `drop`: it is over, answered or not.
typedef struct portal_route {
    const char *url;
    const char *method;
    bool is_open;           // while load is shed, too
    bool is_change;         // needs to be allowed
    const char *type;       // of the body; NULL: there is none
    const char *type_error; // what to tell whose body is of another
    uint64_t bytes_max;
    portal_result_t (*get)(portal_t *portal, struct MHD_Connection *connection); // answers at once
    unsigned (*begin)(portal_request_t *request);
    void (*take)(portal_request_t *request, const char *data, size_t length);
    portal_result_t (*end)(portal_request_t *request);
    void (*drop)(portal_request_t *request);
} portal_route_t;

extern const portal_route_t portal_routes[];
extern const size_t portal_route_count;

const char *portal_header(struct MHD_Connection *connection, const char *name);
void portal_mark(const portal_t *portal, const char *tag);
/// Why nobody may change anything here; NULL: it depends on the request.
const char *portal_closed_reason(const portal_t *portal);

/// {"schema":1,"error":SENTENCE}; `error` is a text that needs no escapes.
portal_result_t portal_refuse(struct MHD_Connection *connection, unsigned code, const char *error);
/// The same; a 503 and a 429 say when to come again.
portal_result_t portal_refuse_until(struct MHD_Connection *connection, unsigned code,
                                    const char *error, const char *retry_s);
/// A buffer of the pool for an answer; false: there is none, and the request has been answered with 503 (in *result).
bool portal_answer_begin(portal_t *portal, struct MHD_Connection *connection, hf_builder_t *out,
                         portal_result_t *result);
/// Sends it as JSON; the buffer goes back when it has been sent. One that overflowed is a 500.
portal_result_t portal_answer_end(portal_t *portal, struct MHD_Connection *connection,
                                  unsigned code, hf_builder_t *out);
portal_result_t portal_refuse_method(struct MHD_Connection *connection, const char *allow);
/// NULL: there is none of that address.
const portal_asset_t *portal_file(const char *url);
portal_result_t portal_send_file(portal_t *portal, struct MHD_Connection *connection,
                                 const portal_asset_t *file);

/// Begins a job and lets the request wait for it: `end` is called again. HF_E_FULL: answer 503.
HF_MUST_CHECK int portal_ask(portal_request_t *request, portal_job_t job, const void *data,
                             uint32_t length);

portal_result_t portal_get_status(portal_t *portal, struct MHD_Connection *connection);
portal_result_t portal_get_health(portal_t *portal, struct MHD_Connection *connection);
portal_result_t portal_get_history(portal_t *portal, struct MHD_Connection *connection);
portal_result_t portal_get_mode(portal_t *portal, struct MHD_Connection *connection);
portal_result_t portal_get_info(portal_t *portal, struct MHD_Connection *connection);
unsigned portal_keys_begin(portal_request_t *request);
portal_result_t portal_keys_end(portal_request_t *request);
unsigned portal_change_begin(portal_request_t *request);
void portal_change_take(portal_request_t *request, const char *data, size_t length);
portal_result_t portal_change_end(portal_request_t *request);
unsigned portal_upload_begin(portal_request_t *request);
void portal_upload_take(portal_request_t *request, const char *data, size_t length);
portal_result_t portal_upload_end(portal_request_t *request);
void portal_upload_drop(portal_request_t *request);
void portal_reboot_take(portal_request_t *request, const char *data, size_t length);
portal_result_t portal_reboot_end(portal_request_t *request);

#endif
