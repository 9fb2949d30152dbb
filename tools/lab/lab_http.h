// SPDX-License-Identifier: MIT
// HTTP towards a device: several calls at once, while everything else is listened to as well. Over libcurl. What a
// device answers is bounded (LAB_HTTP_ANSWER_MAX), whatever it announces.
#ifndef LAB_HTTP_H
#define LAB_HTTP_H

#include "lab.h"

#include <poll.h>

#define LAB_HTTP_ANSWER_MAX (4u * 1024u * 1024u)

typedef struct lab_http_call {
    // asked
    const char *method;
    char url[320];
    const char *body; // NULL: none; lives until the end
    size_t body_length;
    const char *type;   // of the body; NULL: application/json
    const char *header; // one more, "Name: value"; NULL: none
    double limit_s;
    // answered
    bool is_done;
    int status; // 0: no answer; error says why
    char *answer;
    size_t length;
    bool is_cut; // more than LAB_HTTP_ANSWER_MAX
    char content_type[64], content_encoding[32], error[160];
    int64_t content_length; // -1: not told
    char *answer_headers;   // a JSON object; NULL: no answer
    double seconds;
    // its own
    void *easy, *headers;
} lab_http_call_t;

typedef struct lab_http {
    void *multi;
    const char *auth; // "user:password"; NULL: none
} lab_http_t;

/// -1: no memory.
int lab_http_init(lab_http_t *http, const char *auth);
void lab_http_deinit(lab_http_t *http);
/// Begins a call, which lives until lab_http_end(). -1: it cannot be made; then it is_done.
int lab_http_begin(lab_http_t *http, lab_http_call_t *call);
/// Waits at most `ms` for calls and descriptors, and drives the calls.
void lab_http_turn(lab_http_t *http, struct pollfd *fds, unsigned count, unsigned ms);
/// Also of a call that is under way: it is given up. The answer goes with it.
void lab_http_end(lab_http_t *http, lab_http_call_t *call);

#endif
