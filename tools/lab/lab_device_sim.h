// SPDX-License-Identifier: MIT
// Between the two parts of --sim: its programs and how they are started, and the device that they make.
#ifndef LAB_DEVICE_SIM_H
#define LAB_DEVICE_SIM_H

#include "lab_device.h"
#include "lab_device_child.h"

typedef enum lab_sim_child {
    LAB_SIM_DAEMON,
    LAB_SIM_VEHICLE,
    LAB_SIM_CENTRAL,
    LAB_SIM_BROKER,
    LAB_SIM_CHILDREN
} lab_sim_child_t;

typedef struct lab_sim {
    lab_device_t *device;
    lab_child_t child[LAB_SIM_CHILDREN];
    char directory[64]; // of sockets and state; "" none yet
    char slave[64];
    int slave_fd; // kept open: the pty lives while no daemon does
    uint16_t central_port, broker_port, http_port;
    bool is_vehicle_ready, is_central_ready, is_off, is_heard;
    uint64_t again_us; // the daemon is started again then; 0 it runs
    unsigned crashes;
} lab_sim_t;

/// A program beside this one. LAB_PASS, or LAB_ENVIRONMENT after a sentence.
int lab_sim_look_for(const char *name);
/// On loopback, that nobody has now; 0 none.
uint16_t lab_sim_free_port(void);
/// The path of a log among the artifacts; NULL: none are kept.
const char *lab_sim_log(const lab_sim_t *sim, const char *name, char path[320]);
/// What vehicle and central system have told since is passed on.
void lab_sim_listen(lab_sim_t *sim);
/// LAB_PASS when it is there and ready (holdfastd: when it was started), else an exit status after a sentence.
int lab_sim_start_vehicle(lab_sim_t *sim);
int lab_sim_start_central(lab_sim_t *sim);
int lab_sim_start_broker(lab_sim_t *sim);
int lab_sim_start_daemon(lab_sim_t *sim);

#endif
