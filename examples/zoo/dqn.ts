/**
 * Deep Q-learning with a target network: a net learns to balance a pole on a cart. `npx tsx examples/zoo/dqn.ts` lets
 * it try, trains it on its experience, and prints how long the pole stands, before and after.
 */

import {
  compile,
  compileTraining,
  manualSeed,
  nn,
  noGrad,
  optim,
  type Program,
  type Tensor,
  tensor,
} from "kiln-js";

const BATCH = 128;
const LONGEST = 500;
const DISCOUNT = 0.99;
/** How far the target network moves towards the trained one in a step. */
const FOLLOWING = 0.005;
const INT32 = { dtype: "int32" } as const;

/** The values of both actions [N,2] in states [N,4]. */
export class QNet extends nn.Module {
  body = new nn.Sequential(
    new nn.Linear(4, 64),
    new nn.ReLU(),
    new nn.Linear(64, 64),
    new nn.ReLU(),
    new nn.Linear(64, 2),
  );

  forward(state: Tensor): Tensor {
    return this.body.forward(state);
  }
}

/**
 * The predicted values of actions [N], and their targets, computed with the target network, which slowly follows
 * the trained one.
 */
export class Learner extends nn.Module {
  constructor(
    readonly online: QNet,
    readonly target: QNet,
  ) {
    super();
    target.requiresGrad_(false);
  }

  forward(state: Tensor, action: Tensor, reward: Tensor, next: Tensor, goesOn: Tensor): [Tensor, Tensor] {
    const learned = this.online.parameters();
    noGrad(() => {
      for (const [k, parameter] of this.target.parameters().entries()) parameter.lerp_(learned[k], FOLLOWING);
    });
    const thought = this.online.forward(state).gather(1, action.unsqueeze(1)).squeeze(1);
    const later = this.target.forward(next).amax(1);
    return [thought, reward.add(later.mul(goesOn).mul(DISCOUNT))];
  }
}

type State = readonly [place: number, speed: number, angle: number, turning: number];
type Transition = { state: State; action: number; next: State; goesOn: number };

const between = (low: number, high: number): number => low + Math.random() * (high - low);
const begin = (): State => [
  between(-0.05, 0.05),
  between(-0.05, 0.05),
  between(-0.05, 0.05),
  between(-0.05, 0.05),
];

/** A fiftieth of a second of a cart of 1 kg, pushed left or right with 10 N, and a pole of 0.1 kg and 1 m on it. */
function push([place, speed, angle, turning]: State, action: number): State {
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const pushed = ((action === 1 ? 10 : -10) + 0.05 * turning ** 2 * sine) / 1.1;
  const angular = (9.8 * sine - cosine * pushed) / (0.5 * (4 / 3 - (0.1 * cosine ** 2) / 1.1));
  const linear = pushed - (0.05 * angular * cosine) / 1.1;
  return [place + 0.02 * speed, speed + 0.02 * linear, angle + 0.02 * turning, turning + 0.02 * angular];
}

const stands = ([place, , angle]: State): boolean => Math.abs(place) < 2.4 && Math.abs(angle) < Math.PI / 15;

/** How long the pole stands on average, at most 500 pushes, if the best action is chosen each time. */
async function trial(program: Program, count = 10): Promise<number> {
  let pushes = 0;
  for (let k = 0; k < count; k++) {
    let state = begin();
    for (let time = 0; time < LONGEST && stands(state); time++) {
      state = push(state, await best(program, state));
      pushes++;
    }
  }
  return pushes / count;
}

async function best(program: Program, state: State): Promise<number> {
  const [left, right] = await (await program.run(tensor([state]))).data();
  return right > left ? 1 : 0;
}

/** A batch from the replay memory. */
function remembered(memory: readonly Transition[]): Tensor[] {
  const picked = Array.from({ length: BATCH }, () => memory[Math.floor(Math.random() * memory.length)]);
  const column = (of: (transition: Transition) => number | State): Tensor => tensor(picked.map(of));
  return [
    column(({ state }) => state),
    tensor(
      picked.map(({ action }) => action),
      INT32,
    ),
    column(() => 1),
    column(({ next }) => next),
    column(({ goesOn }) => goesOn),
  ];
}

/** Tries and learns for so many pushes; returns how long the pole stood before, and how long it stands now. */
export async function main(steps = 15_000): Promise<[before: number, after: number]> {
  manualSeed(0);
  const [online, target] = [new QNet(), new QNet()];
  await target.loadStateDict(online.stateDict());
  const program = await compile(online, { inputs: [[1, 4]] });
  const trainer = await compileTraining(new Learner(online, target), {
    inputs: [[BATCH, 4], { shape: [BATCH], ...INT32 }, [BATCH], [BATCH, 4], [BATCH]],
    targets: [],
    loss: new nn.HuberLoss(),
    optimizer: new optim.Adam(online.parameters(), { lr: 3e-4 }),
  });
  const before = await trial(program);
  const memory: Transition[] = [];
  let [state, time] = [begin(), 0];
  for (let step = 1; step <= steps; step++) {
    const isCurious = Math.random() < Math.max(0.05, 1 - step / 3000);
    const action = isCurious ? Math.floor(Math.random() * 2) : await best(program, state);
    const next = push(state, action);
    memory[(step - 1) % 10_000] = { state, action, next, goesOn: Number(stands(next)) };
    time++;
    const isOver = !stands(next) || time === LONGEST;
    [state, time] = isOver ? [begin(), 0] : [next, time];
    if (step < BATCH) continue;
    await trainer.step(...remembered(memory));
    if (step % 2500 === 0)
      console.log(`step ${step}: the pole stands for ${(await trial(program)).toFixed(0)} pushes`);
  }
  return [before, await trial(program)];
}

if (import.meta.filename && import.meta.filename === process.argv[1]) {
  const [before, after] = await main();
  console.log(`the pole stands for ${after} pushes (before: ${before}, at most: ${LONGEST})`);
}
