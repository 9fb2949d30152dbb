// SPDX-License-Identifier: MIT
// The daemon through a day with everything in it, by the project's own programs only: a reconnect and a kill -9 in
// mid-session, an emergency stop, an orderly end. Also run under ThreadSanitizer: limits are generous.
import { Failure, STOPPED_S, check, equal, judgePowerOff, monotonic, pause, run, status, until, waitPower } from './lib.mjs';

const SLOW_S = 1.5; // a sanitizer's daemon may be late to see the emergency stop, not the contactor

function startDaemon(bench, sim, csms) {
    return bench.startDaemon(sim, csms.port, { MeterValueSampleInterval: 1 });
}

async function startSession(sim, csms) {
    csms.tell('remote-start CP1 1 TAG');
    const start = await csms.wait('start');
    await waitPower(sim);
    await csms.wait('meter', { transactionId: start.transactionId });
    return start;
}

async function reconnectInSession(sim, csms, daemon) {
    sim.tell('plug 1');
    await csms.wait('status', { connector: 1, status: 'Preparing' });
    const start = await startSession(sim, csms);
    const from = sim.events.length;
    csms.tell('disconnect CP1');
    await csms.wait('disconnected');
    await csms.wait('connected');
    await csms.wait('meter', { transactionId: start.transactionId });
    const off = sim.events.slice(from).filter((event) => event.event === 'power' && event.power_mW === 0);
    check(off.length === 0, 'a lost connection does not end the power');
    equal((await status(daemon)).connectors[0].state, 'Charging', 'the session goes on after the reconnect');
    return start;
}

async function killInSession(bench, sim, csms, daemon, start) {
    const killed = monotonic();
    await daemon.end('SIGKILL');
    await pause(STOPPED_S * 1000 + 200);
    const took = judgePowerOff(sim, killed, STOPPED_S, 'kill -9');
    check(true, `kill -9: power 0 after ${took.toFixed(3)} s`);
    const next = startDaemon(bench, sim, csms);
    const stop = await csms.wait('stop');
    equal([stop.transactionId, stop.reason], [start.transactionId, 'PowerLoss'], 'StopTransaction PowerLoss after the kill');
    check(stop.meter_Wh >= start.meter_Wh, `meterStop ${stop.meter_Wh} Wh is not below meterStart ${start.meter_Wh} Wh`);
    sim.tell('unplug 1');
    await csms.wait('status', { connector: 1, status: 'Available' });
    return next;
}

async function emergencyStop(sim, csms, daemon) {
    sim.tell('plug 1');
    await csms.wait('status', { connector: 1, status: 'Preparing' });
    await startSession(sim, csms);
    const pressed = monotonic();
    csms.skip();
    const from = csms.events.length;
    sim.tell('estop on');
    const stop = await csms.wait('stop');
    equal(stop.reason, 'EmergencyStop', 'StopTransaction EmergencyStop');
    await until(() => csms.events.slice(from).some((event) => event.event === 'status' && event.connector === 1 &&
        event.status === 'Faulted'), 'StatusNotification Faulted');
    check(true, 'StatusNotification Faulted');
    const took = judgePowerOff(sim, pressed, SLOW_S, 'emergency stop');
    check((await status(daemon)).estop_latched, `emergency stop: power 0 after ${took.toFixed(3)} s, and latched`);
    sim.tell('unplug 1');
    sim.tell('estop off');
    await pause(1000);
    check((await status(daemon)).estop_latched, 'the button let go resets nothing');
    sim.tell('reset on'); // by whoever stands before it, for 3 s
    await pause(3500);
    sim.tell('reset off');
    await csms.wait('status', { connector: 1, status: 'Available' });
    check(!(await status(daemon)).estop_latched, 'the reset held clears it');
}

async function lastSession(sim, csms) {
    sim.tell('plug 1');
    await csms.wait('status', { connector: 1, status: 'Preparing' });
    await startSession(sim, csms);
    csms.tell('remote-stop CP1');
    equal((await csms.wait('stop')).reason, 'Remote', 'a session after the emergency stop');
    sim.tell('unplug 1');
    await csms.wait('status', { connector: 1, status: 'Available' });
}

async function judgeLedger(csms) {
    csms.tell('ledger');
    const from = csms.events.length;
    const ledger = await csms.wait('ledger');
    equal([ledger.starts, ledger.stops, ledger.conflicts, ledger.invalid], [3, 3, 0, 0], 'ledger: starts, stops, conflicts, invalid');
    const billed = csms.events.slice(from).filter((event) => event.event === 'entry' && event.kind !== 'meter');
    equal(billed.map((entry) => entry.kind), ['start', 'stop', 'start', 'stop', 'start', 'stop'], 'in the order of what happened');
    for (const [i, entry] of billed.entries()) {
        if (entry.kind === 'stop' && entry.transactionId !== billed[i - 1].transactionId) {
            throw new Failure(`stop of ${entry.transactionId} after the start of ${billed[i - 1].transactionId}`);
        }
    }
}

await run(220, async (bench) => {
    const sim = await bench.startSim();
    const csms = await bench.startCsms();
    let daemon = startDaemon(bench, sim, csms);
    await csms.wait('status', { connector: 1, status: 'Available' });
    const start = await reconnectInSession(sim, csms, daemon);
    daemon = await killInSession(bench, sim, csms, daemon, start);
    await emergencyStop(sim, csms, daemon);
    await lastSession(sim, csms);
    await judgeLedger(csms);
    await daemon.end();
    check(true, 'SIGTERM ends the daemon with exit status 0');
    await sim.end();
    await csms.end();
});
