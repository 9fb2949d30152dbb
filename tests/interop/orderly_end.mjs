// SPDX-License-Identifier: MIT
// The end in the middle of charging [SAF-14]: Reset (soft, hard) and SIGTERM, also with a module that does not obey OFF and a
// contactor that is welded. Before the process ends or begins anew the power is off and the contactor open; where it cannot
// open, the end comes within its limit all the same.
import {Central, Station, check, equal, main, now, sleep, until} from './lib.mjs';

const LIMIT_S = 5 + 2 + 1; // sessions, last ticks, and the process itself
const BEGINS = /memory is (not )?locked/g; // once a start of the program

async function charge(id) {
    const station = new Station({id, settings: ['MeterValueSampleInterval=1']});
    const central = new Central();
    await central.listen();
    await station.startSim();
    station.startDaemon(central.url);
    await central.wait('BootNotification');
    await central.untilStatus('Available');
    station.sim.tell('plug 1');
    await central.untilStatus('Preparing');
    await central.call('RemoteStartTransaction', {idTag: 'TAG', connectorId: 1});
    await station.waitPower();
    return {station, central};
}

const last = (station, event, before) => station.sim.events.all.findLast((e) => e.event === event && e.t <= before);

/** What the simulator told of the moment at which the process was no more. */
function judge(name, station, began, ended) {
    equal(last(station, 'power', ended)?.power_mW, 0, `${name}: power when the process ended`);
    equal(last(station, 'contactor', ended)?.closed, false, `${name}: contactor closed when the process ended`);
    check(ended - began < LIMIT_S, `${name}: took ${ended - began} s`);
}

async function reset(type) {
    const {station, central} = await charge(`END${type}`);
    const began = now();
    const starts = () => station.daemon.stderr.match(BEGINS)?.length;
    const before = starts();
    equal(await central.call('Reset', {type}), {status: 'Accepted'}, `${type} reset`);
    await until(() => starts() > before, 'the program begins anew');
    judge(`${type} reset`, station, began, now());
    await central.wait('BootNotification');
    const stop = central.unique('StopTransaction');
    equal(stop.map((call) => call.payload.reason), [`${type}Reset`], `${type} reset: reason`);
    await sleep(1500); // and stays so: nothing energizes after a restart by itself
    judge(`${type} reset, after the restart`, station, began, now());
    equal((await station.outlet()).hot_openings, 0, `${type} reset: contactor opened under load`);
    await station.end();
    await central.close();
}

async function terminate(name, fault, expected) {
    const {station, central} = await charge(`TERM${name}`);
    if (fault) {
        station.sim.tell(`fault 1 ${fault}`);
        await sleep(100);
    }
    const began = now();
    station.daemon.signal('SIGTERM');
    await station.daemon.ended;
    const ended = now();
    equal(station.daemon.status, 0, `${name}: exit status`);
    expected(station, began, ended);
    await station.sim.end();
    await central.close();
}

await main('orderly_end', async () => {
    await reset('Soft');
    await reset('Hard');
    await terminate('SIGTERM', null, (...moments) => judge('SIGTERM', ...moments));
    // The contactor alone has to do it.
    await terminate('disobedient', 'refuse-off', (...moments) => judge('a module that refuses OFF', ...moments));
    // The bus alone has to do it; the feedback says closed, and the end comes at its limit.
    await terminate('welded', 'contactor-welded', (station, began, ended) => {
        equal(last(station, 'power', ended)?.power_mW, 0, 'welded: power when the process ended');
        check(ended - began < LIMIT_S, `welded: took ${ended - began} s`);
        check(ended - began > 1, `welded: did not wait for the contactor (${ended - began} s)`);
    });
});
