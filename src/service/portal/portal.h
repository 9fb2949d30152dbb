// SPDX-License-Identifier: MIT
// The portal: pages and an API over HTTP (libmicrohttpd), in one thread that its owner gives it. It reads snapshots, never
// an instance; what has to be done in the comms loop goes through a job. Invariants: no request waits for another; room for
// requests and answers is fixed, and who finds none is told 503; a failed allocation costs that request alone.
#ifndef PORTAL_H
#define PORTAL_H

#include "portal_access.h"
#include "portal_guess.h"
#include "portal_health.h"
#include "portal_keys.h"
#include "status_json.h"

#include "evse/evse_device.h"
#include "holdfast/hf_pool.h"
#include "transfer_sha256.h"

#define PORTAL_CONNECTIONS        16u
#define PORTAL_CONNECTION_BYTES   8192u // of headers and of what is on its way, each
#define PORTAL_BUFFER_BYTES       24576u
#define PORTAL_BUFFERS            6u
#define PORTAL_CONFIG_BYTES_MAX   8192u
#define PORTAL_FIRMWARE_BYTES_MAX (8u * 1024u * 1024u)
#define PORTAL_JOB_TIMEOUT_MS     3000u

// Work for the comms loop.
typedef enum portal_job {
    PORTAL_JOB_KEYS, // answer: per key one of w(ritable) r(ead only) s(ecret), then NAME NUL VALUE NUL
    PORTAL_JOB_CHANGE, // request: NAME NUL VALUE NUL ...; answer: a byte each, evse_change_t
} portal_job_t;

/// Where requests meet the rest of the device. Each function may be called from the portal's thread and never waits; NULL
/// where there is none.
typedef struct portal_seam {
    void *ctx;
    void (*mark)(void *ctx, const char *tag); // a literal
    bool (*is_shedding)(void *ctx);
    int (*ask_restart)(void *ctx); // in good order; HF_E_STATE: it is ending already
    int (*view)(void *ctx, evse_device_view_t *view);
    void (*mqtt)(void *ctx, portal_mqtt_t *mqtt); // all but the clock
    /// A ticket (0 or more), or HF_E_FULL.
    int (*job_begin)(void *ctx, portal_job_t job, const void *data, uint32_t length);
    /// Bytes (above 0), 0 at the end, HF_E_AGAIN, or why there will be none: the ticket is used up.
    int (*job_read)(void *ctx, int ticket, void *out, uint32_t capacity);
    void (*job_drop)(void *ctx, int ticket);
} portal_seam_t;

/// Everything lives as long as the portal.
typedef struct portal_config {
    const char *host; // IPv4 address
    uint16_t port;    // 0: any that is free
    const char *
        password; // "USER:PASSWORD", wanted of whoever changes something; NULL: none, and then only on loopback
    const status_source_t *status;
    portal_seam_t seam;
} portal_config_t;

struct portal;

typedef struct portal_connection {
    int fd;            // -1: the place is free
    bool is_busy;      // a request is under way
    uint64_t until_us; // then it is closed
} portal_connection_t;

/// A request that has a body, or waits for a job.
typedef struct portal_request {
    struct portal *portal;
    const struct portal_route *route; // NULL: the place is free
    struct MHD_Connection *connection;
    enum { PORTAL_TAKES, PORTAL_ASKED, PORTAL_ANSWERED } phase; // body; job under way; job done
    int ticket, status; // of the job; status: 0, or why it failed
    unsigned refusal;   // HTTP status that the body has earned; 0 none
    bool is_done, no_reboot, restarts, is_half;
    char *body; // of the pool; NULL none
    hf_builder_t text;
    char *pairs;
    uint64_t bytes, announced; // of the body; announced 0: not told
    uint64_t discarded;        // of a body that was refused
    uint8_t expected[PORTAL_DIGEST_BYTES];
    transfer_sha256_t hash;
} portal_request_t;

typedef struct portal {
    portal_config_t config;
    struct MHD_Daemon *http;
    bool is_loopback;
    char own_name[65];
    portal_guess_t guess;
    uint32_t marked; // bit per page that was asked for since the start
    portal_connection_t connection[PORTAL_CONNECTIONS];
    portal_request_t request[PORTAL_CONNECTIONS];
    hf_pool_t buffers;
    HF_POOL_STORAGE_BYTES(PORTAL_BUFFER_BYTES, PORTAL_BUFFERS) storage;
    evse_device_view_t view; // as last read
    evse_comms_view_t comms;
} portal_t;

/// Listens. HF_E_ARGUMENT: no IPv4 address; HF_E_IO: it could not, errno says why.
HF_MUST_CHECK int portal_open(portal_t *portal, const portal_config_t *config);
uint16_t portal_port(const portal_t *portal);
/// Serves what comes within `wait_ms`. Context: the portal's thread.
void portal_poll(portal_t *portal, uint32_t wait_ms);
/// Context: the portal's thread, or after it has ended.
void portal_close(portal_t *portal);

#endif
