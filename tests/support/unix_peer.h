// SPDX-License-Identifier: MIT
// The other end of a Unix SOCK_SEQPACKET client: listens in a directory of its own under the current one; never blocks.
// Needs _GNU_SOURCE (port_linux defines it).
#ifndef UNIX_PEER_H
#define UNIX_PEER_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct unix_peer {
    char directory[32];
    char path[64];
    int listener, client; // -1: none
} unix_peer_t;

static inline bool unix_peer_listen(unix_peer_t *peer)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, peer->path, strlen(peer->path));
    (void)unlink(peer->path);
    peer->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return peer->listener >= 0 &&
           bind(peer->listener, (struct sockaddr *)&address, sizeof address) == 0 &&
           listen(peer->listener, 4) == 0;
}

/// Makes the directory and names the socket; nobody listens yet.
static inline bool unix_peer_prepare(unix_peer_t *peer)
{
    *peer = (unix_peer_t){.directory = "hf-peer-XXXXXX", .listener = -1, .client = -1};
    if (mkdtemp(peer->directory) == NULL) {
        return false;
    }
    (void)snprintf(peer->path, sizeof peer->path, "%s/socket", peer->directory);
    return true;
}

static inline bool unix_peer_open(unix_peer_t *peer)
{
    return unix_peer_prepare(peer) && unix_peer_listen(peer);
}

static inline void unix_peer_hang_up(unix_peer_t *peer)
{
    if (peer->client >= 0) {
        (void)close(peer->client);
        peer->client = -1;
    }
}

/// Takes the call that waits, in place of the one before. False when none waits.
static inline bool unix_peer_accept(unix_peer_t *peer)
{
    int fd = accept4(peer->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    unix_peer_hang_up(peer);
    peer->client = fd;
    return true;
}

static inline bool unix_peer_send(const unix_peer_t *peer, const void *data, size_t length)
{
    return send(peer->client, data, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static inline void unix_peer_stop(unix_peer_t *peer)
{
    unix_peer_hang_up(peer);
    if (peer->listener >= 0) {
        (void)close(peer->listener);
        peer->listener = -1;
    }
}

static inline void unix_peer_close(unix_peer_t *peer)
{
    unix_peer_stop(peer);
    (void)unlink(peer->path);
    (void)rmdir(peer->directory);
}

#endif
