// SPDX-License-Identifier: MIT
// The shipped daemon dies while it charges: killed, stopped, or its control thread spins for ever. The simulated power has to
// be 0 within 500 ms and the contactor's drop-out time [SAF-11], each time; a control thread that spins ends the process
// with 70 [SAF-13]; and the next boot energizes nothing by itself [SAF-08]. Judged by the simulator's own clock.
// Usage: dead_process.mjs [--iterations N] [--hang LIBRARY]
import {existsSync, unlinkSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {BIN, Central, Station, check, equal, main, now, random, sleep, until} from './lib.mjs';

const DROP_OUT_S = 0.030; // of the simulated contactor
const LIMIT_S = 0.500 + DROP_OUT_S;
const EXIT_SOFTWARE = 70;
const QUIET_MS = 1200; // after a boot: longer than a start takes
const DEATHS = ['killed', 'stopped', 'spinning'];

function readArguments() {
    const options = {iterations: '6', hang: join(BIN, '../tests/system/hang.so')};
    const words = process.argv.slice(2);
    for (let i = 0; i < words.length; i += 2) {
        const name = words[i].replace(/^--/, '');
        if (!(name in options) || words[i + 1] === undefined) {
            console.error('Usage: dead_process.mjs [--iterations N] [--hang LIBRARY]');
            process.exit(2);
        }
        options[name] = words[i + 1];
    }
    if (!(Number(options.iterations) >= 1)) {
        console.error('dead_process.mjs: --iterations needs a number');
        process.exit(2);
    }
    return {...options, iterations: Number(options.iterations)};
}

class Lane {
    took = {killed: [], stopped: [], spinning: []};

    constructor(hang) {
        this.station = new Station({id: 'DEAD'});
        this.file = join(this.station.folder, 'hang');
        this.environment = {LD_PRELOAD: hang, HANG_THREAD: 'control', HANG_HOW: 'spin', HANG_FILE: this.file};
        this.central = new Central();
    }

    async start() {
        await this.central.listen();
        await this.station.startSim();
        await this.boot();
    }

    async boot() {
        this.station.startDaemon(this.central.url, this.environment);
        await this.central.wait('BootNotification');
    }

    async charge() {
        this.station.sim.tell('plug 1');
        await this.central.untilStatus('Preparing');
        this.station.sim.events.skip();
        await this.central.call('RemoteStartTransaction', {idTag: 'TAG', connectorId: 1});
        await this.station.waitPower(); // at least 1 kW
    }

    /** The moment after which it does nothing any more. */
    die(death) {
        if (death === 'spinning') {
            writeFileSync(this.file, '');
        } else {
            this.station.daemon.signal(death === 'killed' ? 'SIGKILL' : 'SIGSTOP');
        }
        return now();
    }

    async iterate(i, death) {
        const {station} = this;
        await this.charge();
        await sleep(random(i)() * 300);
        const what = `iteration ${i}, ${death}`;
        const power_mW = (await station.outlet()).power_mW;
        check(power_mW > 0, `${what}: there was no power to take away`);
        const died = this.die(death);
        const off = await station.sim.wait('power', {power_mW: 0}, 5000);
        const took_s = off.t - died;
        this.took[death].push(took_s);
        check(took_s <= LIMIT_S, `${what}: power for another ${took_s} s`);
        if (death === 'spinning') {
            await station.daemon.ended;
            equal(station.daemon.status, EXIT_SOFTWARE, `${what}: exit status\n${station.daemon.stderr.slice(-500)}`);
            unlinkSync(this.file);
        }
        station.daemon.signal('SIGKILL');
        await station.daemon.ended;
        await this.judgeBoot(what, off);
        console.log(`${what}: ${(power_mW / 1000).toFixed(0)} W gone after ${(took_s * 1000).toFixed(0)} ms`);
    }

    async judgeBoot(what, off) {
        const {station} = this;
        await this.boot();
        await sleep(QUIET_MS);
        const again = station.sim.events.all.find((e) => e.t > off.t && ((e.event === 'power' && e.power_mW > 0) ||
            (e.event === 'contactor' && e.closed)));
        check(!again, `${what}: ${JSON.stringify(again)} after the next boot`);
        station.sim.tell('unplug 1');
        await until(async () => (await station.status()).connectors[0].state === 'Available', 'Available');
    }

    async end() {
        await this.station.end();
        await this.central.close();
    }
}

const {iterations, hang} = readArguments();
await main('dead_process', async () => {
    if (!check(existsSync(hang), `${hang} is missing: the library that makes a thread spin`)) {
        return;
    }
    const lane = new Lane(hang);
    await lane.start();
    for (let i = 0; i < iterations; i++) {
        await lane.iterate(i, DEATHS[i % DEATHS.length]);
    }
    await lane.end();
    for (const death of DEATHS) {
        const worst = Math.max(0, ...lane.took[death]);
        console.log(`${death}: ${lane.took[death].filter((s) => s <= LIMIT_S).length} of ${lane.took[death].length} in time, ` +
            `${(worst * 1000).toFixed(0)} ms at worst, ${LIMIT_S * 1000} allowed`);
    }
});
