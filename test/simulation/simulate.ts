import { anyChange, firstObjects } from "./cluster-changes.ts";
import { chooseFaults, heal } from "./faults.ts";
import { type Mutation, noMutation } from "./mutation.ts";
import { createRandom, type Random } from "./random.ts";
import { createTrace } from "./trace.ts";
import { installVirtualTime } from "./virtual-time.ts";
import { createWorld, type World } from "./world.ts";

/** What became of one history. */
export interface Outcome {
  readonly seed: number;
  /** Empty when the history kept every promise. */
  readonly violations: readonly string[];
  /** Equal for equal histories. */
  readonly digest: string;
  /** Only where they were asked for. */
  readonly lines: readonly string[];
  readonly steps: number;
  readonly seconds: number;
}

export interface SimulateOptions {
  readonly keepLines?: boolean;
  readonly mutation?: Mutation;
}

/** After the faults ended, everything must be as it should within this, … Virtual milliseconds. */
const settleLimit = 180_000;
/** … and stay so for as long. What happens late, as a class that goes some time after its last pod, has what is left of the limit. */
const staysFor = 12_000;

/** Runs the history of a seed: the same seed, the same history. */
export async function simulate(seed: number, options: SimulateOptions = {}): Promise<Outcome> {
  const trace = createTrace(options.keepLines === true);
  const random = createRandom(seed, "history");
  const strict = random.chance(0.4);
  using time = installVirtualTime(createRandom(seed, "programs"));
  const world = await createWorld({
    seed,
    strict,
    time,
    trace,
    mutation: options.mutation ?? noMutation,
    objects: firstObjects(random),
  });
  world.startFunctions();
  world.startGateway();
  const end = plan(world, random, strict);
  const wrong = (): boolean => world.checker.violations.length > 0;
  await time.run(end, wrong);
  heal(world);
  trace.note(time.now(), "faults end");
  const violations = [...world.checker.violations];
  if (!wrong()) violations.push(...(await settle(world)));
  for (const actor of [...world.functions, ...[...world.gateways].map((gateway) => gateway.actor)]) world.kill(actor);
  return {
    seed,
    violations,
    digest: trace.digest(),
    lines: trace.lines,
    steps: time.steps,
    seconds: time.now() / 1000,
  };
}

/** What happens when: changes of the cluster and faults among each other. Returns when the faults end. */
function plan(world: World, random: Random, strict: boolean): number {
  const { time, trace, kubernetes } = world;
  const faults = chooseFaults(random, strict);
  for (const change of faults.weather) change(world, random);
  let at = 0;
  const later = (what: string, work: () => void): void =>
    void time.after(at, undefined, () => {
      trace.note(time.now(), what);
      work();
    });
  for (let count = random.between(6, 25); count > 0; count--) {
    at += strict ? random.between(600, 3500) : random.between(0, 4000);
    if (faults.blows.length > 0 && random.chance(0.4)) {
      const blow = random.pick(faults.blows);
      later(`* ${blow.what}`, () => blow.strike(world, random));
    } else if (random.chance(0.12)) {
      later("somebody acts", () => world.person.act(random));
    } else {
      const change = anyChange(random);
      later(`somebody ${change.what}`, () => change.make(kubernetes));
    }
  }
  return at + random.between(100, 20_000);
}

async function settle(world: World): Promise<readonly string[]> {
  const { time, checker, gateways } = world;
  const wrong = (): boolean => checker.violations.length > 0;
  const look = async (): Promise<string | undefined> => {
    const head = await world.head();
    const missing = checker.unsettled({
      head,
      settings: await world.person.newest(),
      gateways: [...gateways].map((gateway) => ({
        name: gateway.actor.name,
        serving: gateway.current(),
        views: gateway.views,
      })),
    });
    return missing ?? world.fleet.unsettled();
  };
  const deadline = time.now() + settleLimit;
  let missing = await look();
  let lastMissing = time.now();
  while (missing !== undefined ? time.now() < deadline : time.now() < lastMissing + staysFor) {
    await time.run(time.now() + 1000, wrong);
    if (wrong()) return checker.violations;
    if ((await world.head())?.pin !== undefined) world.person.release();
    missing = await look();
    if (missing !== undefined) lastMissing = time.now();
  }
  return missing === undefined ? checker.violations : [...checker.violations, `in the end: ${missing}`];
}
