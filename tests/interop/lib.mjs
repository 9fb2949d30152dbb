// SPDX-License-Identifier: MIT
// What every interop program needs: the project's programs as children (simulated outside, small central system, daemon),
// waiting for their events, and an orderly end. No npm module is used here: daemon_session.mjs runs without any.
// Invariants: every child is gone when the program ends, however it ends; a report of a sanitizer or a failed assertion in
// a child's stderr is a failure of the test.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, openSync, closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export { pause };
export const STOPPED_S = 0.500 + 0.030; // power after a dead daemon: the promise, and the simulated contactor's drop time
const FORBIDDEN = /ThreadSanitizer|AddressSanitizer|runtime error|assertion failed/;
const WAIT_MS = 30000;
const END_MS = 15000;

const here = dirname(fileURLToPath(import.meta.url));
const bin = process.env.HOLDFAST_BIN ?? join(here, '..', '..', 'build', 'release', 'bin');

export class Failure extends Error {}

/** Seconds of CLOCK_MONOTONIC, the clock of the simulation's events. */
export function monotonic() {
    return Number(process.hrtime.bigint() / 1000n) / 1e6;
}

let checks = 0;

/** Every check is printed: a passed run says what it has seen. */
export function check(good, text) {
    if (!good) {
        throw new Failure(text);
    }
    checks++;
    console.log(`ok   ${text}`);
}

export function equal(found, wanted, text) {
    const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
    check(a === b, a === b ? text : `${text}: found ${a}, wanted ${b}`);
}

export async function until(condition, text, ms = WAIT_MS) {
    const end = monotonic() + ms / 1000;
    for (;;) {
        const found = await condition();
        if (found) {
            return found;
        }
        if (monotonic() > end) {
            throw new Failure(`not within ${ms} ms: ${text}`);
        }
        await pause(20);
    }
}

/** Integers below a bound, the same ones for the same seed. */
export class Random {
    constructor(seed) {
        this.state = (seed >>> 0) || 1;
    }

    below(bound) { // xorshift
        this.state ^= this.state << 13;
        this.state ^= this.state >>> 17;
        this.state ^= this.state << 5;
        this.state >>>= 0;
        return this.state % bound;
    }
}

function has(event, fields) {
    return Object.entries(fields).every(([name, value]) => event[name] === value);
}

/** A child: its JSON lines as events, script lines on its stdin, its stderr in a file. */
export class Program {
    constructor(bench, name, file, args) {
        this.name = name;
        this.events = [];
        this.cursor = 0;
        this.wakers = new Set();
        this.errors = join(bench.directory, `${name}.${bench.programs.length}.err`);
        const errors = openSync(this.errors, 'w');
        this.process = spawn(file, args, { stdio: ['pipe', 'pipe', errors] });
        closeSync(errors);
        this.process.stdin.on('error', () => {}); // it may end before it has read all
        this.ended = new Promise((resolve) => {
            this.process.on('exit', (code, signal) => {
                this.exit = signal ?? code;
                resolve(this.exit);
            });
            this.process.on('error', (error) => {
                this.exit = error.message;
                resolve(this.exit);
            });
        });
        createInterface({ input: this.process.stdout }).on('line', (line) => this.take(line));
    }

    take(line) {
        try {
            this.events.push(JSON.parse(line));
        } catch {
            this.events.push({ event: 'no JSON', line });
        }
        for (const wake of this.wakers) {
            wake();
        }
    }

    tell(line) {
        this.process.stdin.write(line + '\n');
    }

    stderr() {
        return readFileSync(this.errors, 'utf8');
    }

    /** From now on: events before are not found by wait(). */
    skip() {
        this.cursor = this.events.length;
    }

    /** The next event of that name with those fields; those before it are passed over. */
    async wait(name, fields = {}, ms = WAIT_MS) {
        const end = monotonic() + ms / 1000;
        for (;;) {
            while (this.cursor < this.events.length) {
                const event = this.events[this.cursor++];
                if (event.event === name && (typeof fields === 'function' ? fields(event) : has(event, fields))) {
                    return event;
                }
            }
            const left = (end - monotonic()) * 1000;
            if (left <= 0 || this.exit !== undefined) {
                const wanted = `${name} ${typeof fields === 'function' ? fields : JSON.stringify(fields)}`;
                throw new Failure(`${this.name}: no event ${wanted} within ${ms} ms`);
            }
            await this.woken(Math.min(left, 200));
        }
    }

    woken(ms) {
        return new Promise((resolve) => {
            const wake = () => {
                clearTimeout(timer);
                this.wakers.delete(wake);
                resolve();
            };
            const timer = setTimeout(wake, ms);
            this.wakers.add(wake);
        });
    }

    signal(name) {
        this.process.kill(name);
    }

    /** Ends it; SIGTERM must lead to exit status 0. */
    async end(signal = 'SIGTERM') {
        this.signal(signal);
        const late = pause(END_MS, 'still running', { ref: false });
        const found = await Promise.race([this.ended, late]);
        const wanted = signal === 'SIGKILL' ? 'SIGKILL' : 0;
        if (found !== wanted) {
            throw new Failure(`${this.name} after ${signal}: ${found}, not ${wanted}`);
        }
    }
}

/** A private directory and the children in it. */
export class Bench {
    constructor() {
        this.directory = mkdtempSync(join(tmpdir(), 'holdfast-interop-'));
        this.programs = [];
    }

    start(name, file, args) {
        const program = new Program(this, name, file, args);
        this.programs.push(program);
        return program;
    }

    async startSim(name = 'sim', ...options) {
        const [can, io] = [join(this.directory, `${name}.can`), join(this.directory, `${name}.io`)];
        const sim = this.start(name, join(bin, 'holdfast'), ['sim', '--exit-on-eof', '--can', can, '--io', io, ...options]);
        Object.assign(sim, { can, io });
        await sim.wait('ready');
        return sim;
    }

    async startCsms(port = 0) {
        const csms = this.start('csms', join(bin, 'holdfast'), ['csms', '--port', String(port)]);
        csms.port = (await csms.wait('listening')).port;
        return csms;
    }

    /** settings: OCPP keys. The state directory belongs to the simulated outside, so a second start finds it again. */
    startDaemon(sim, port, settings = {}, id = 'CP1') {
        const sets = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
        return this.start('holdfastd', join(bin, 'holdfastd'), [
            '--csms', `ws://127.0.0.1:${port}/ocpp`, '--id', id, '--can', `virtual:${sim.can}`, '--io', `socket:${sim.io}`,
            '--http', '127.0.0.1:0', '--state', join(this.directory, `${sim.name}.state`), ...sets]);
    }

    /** Sanitizer reports and failed assertions, of all children; true when there are none. */
    judgeErrors(everything) {
        let good = true;
        for (const program of this.programs) {
            const text = program.stderr();
            const bad = FORBIDDEN.test(text);
            good &&= !bad;
            if (bad || everything) {
                console.log(`---- ${program.name} (${program.exit ?? 'running'})`);
                console.log(text.split('\n').slice(bad ? 0 : -40).join('\n'));
            }
        }
        return good;
    }

    async close() {
        const running = this.programs.filter((program) => program.exit === undefined);
        for (const program of running) {
            program.signal('SIGKILL'); // ends stopped ones, too
        }
        await Promise.all(running.map((program) => program.ended));
        rmSync(this.directory, { recursive: true, force: true });
    }
}

/** GET /api/status of a daemon; it tells its port on stderr, anew after each Reset. */
export async function status(daemon) {
    const page = await until(() => [...daemon.stderr().matchAll(/http:\/\/127\.0\.0\.1:\d+\//g)].pop()?.[0],
        'the daemon tells its status page');
    const answer = await fetch(`${page}api/status`, { signal: AbortSignal.timeout(10000), headers: { connection: 'close' } });
    if (!answer.ok) {
        throw new Failure(`/api/status answers ${answer.status}`);
    }
    return answer.json();
}

/** The simulated outlet as it is now. */
export async function outlet(sim) {
    sim.tell('status');
    return (await sim.wait('status')).outlets[0];
}

export async function waitPower(sim, least_mW = 1000000) {
    return sim.wait('power', (event) => event.power_mW >= least_mW);
}

/** Power of the simulated outlet was 0 from since + limit_s at the latest, and stayed so until now. Returns the seconds. */
export function judgePowerOff(sim, since, limit_s, why) {
    const powers = sim.events.filter((event) => event.event === 'power');
    const last = powers.at(-1) ?? { t: 0, power_mW: 0 };
    if (last.power_mW !== 0) {
        throw new Failure(`${why}: power is still ${last.power_mW} mW`);
    }
    const took = Math.max(0, last.t - since);
    if (took > limit_s) {
        throw new Failure(`${why}: power for another ${took.toFixed(3)} s, at most ${limit_s} s`);
    }
    return took;
}

/** Modules of tests/interop/node_modules; without them the test is skipped, loudly. */
export async function need(name) {
    try {
        return await import(name);
    } catch (error) {
        if (error.code !== 'ERR_MODULE_NOT_FOUND') {
            throw error;
        }
        console.log(`SKIPPED: npm module ${name} is not installed: run 'npm ci' in tests/interop`);
        process.exit(77);
    }
}

/** Runs a test: exit status 0, 1, or 77 when the programs are not built. Ends everything after limit_s at the latest. */
export async function run(limit_s, test) {
    for (const name of ['holdfast', 'holdfastd']) {
        if (!existsSync(join(bin, name))) {
            console.log(`SKIPPED: ${name} is not in ${bin}: build it, or set HOLDFAST_BIN`);
            process.exit(77);
        }
    }
    const bench = new Bench();
    let failure;
    const stop = new Promise((_, reject) => {
        const late = setTimeout(() => reject(new Failure(`not done within ${limit_s} s`)), limit_s * 1000);
        late.unref();
        for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
            process.once(signal, () => reject(new Failure(`ended by ${signal}`)));
        }
    });
    const began = monotonic();
    try {
        await Promise.race([test(bench), stop]);
    } catch (error) {
        failure = error;
        console.log(`FAIL ${error instanceof Failure ? error.message : error.stack}`);
    }
    const clean = bench.judgeErrors(failure !== undefined);
    await bench.close();
    const good = failure === undefined && clean;
    console.log(`${good ? 'passed' : 'FAILED'}: ${checks} checks in ${(monotonic() - began).toFixed(1)} s`);
    process.exit(good ? 0 : 1);
}
