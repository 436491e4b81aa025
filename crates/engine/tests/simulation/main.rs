//! The engine in a simulated world: one seed decides everything that happens.
//!
//! The fault model, in words. The process may die at any moment: with turns decided and not committed,
//! committed and not released, with tasks out and answers on their way. What was committed stays, all else
//! is gone. Tasks end well or badly, soon, late or never before a time-out; an answer may come twice, and may
//! come from before a crash. Workers poll for tasks, and report with tokens that outlive the process; executions
//! start others and wait for them; what ended badly is redriven. Timers fire late. The store may refuse a commit for a while. Not in the model:
//! a disk that forgets what it has acknowledged.
//!
//! First everything fails at random, and safety is checked at every step. Then faults stop, and everything
//! must come to its end. A failing seed prints itself; `SEED=n cargo test -p darkroom-engine --test
//! simulation one_seed -- --nocapture` runs it alone, and tells what happens. `SEEDS=150000` with `--release` draws more
//! than a million faults, in some minutes.

mod machines;
mod outside;
mod world;

use world::World;

/// Runs one seed. Panics where something is wrong.
fn run(seed: u64, verbose: bool) -> world::Counts {
    let mut world = World::new(seed, verbose);
    world.live_dangerously();
    world.come_to_rest();
    world.check_all_ended();
    world.counts
}

/// Runs seeds on every core; the first that fails is named.
fn run_all(seeds: std::ops::Range<u64>) -> world::Counts {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let totals = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|offset| {
                let seeds = seeds.clone();
                scope.spawn(move || {
                    let mut total = world::Counts::default();
                    for seed in seeds.skip(offset).step_by(threads) {
                        let counts = std::panic::catch_unwind(|| run(seed, false))
                            .unwrap_or_else(|_| panic!("seed {seed} failed; run it with SEED={seed}"));
                        total.add(&counts);
                    }
                    total
                })
            })
            .collect();
        workers.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    let mut sum = world::Counts::default();
    for total in totals {
        sum.add(&total.expect("a seed failed; it is named above"));
    }
    sum
}

#[test]
fn ten_thousand_seeds_or_more_lose_nothing() {
    let counts = run_all(0..number_of("SEEDS").unwrap_or(10_000).max(10_000));
    println!("{} faults: {counts:?}", counts.faults());
    // A simulation in which nothing goes wrong proves nothing.
    assert!(counts.crashes > 1_000, "{counts:?}");
    assert!(counts.doubled_answers > 1_000, "{counts:?}");
    assert!(counts.refused_commits > 1_000, "{counts:?}");
    assert!(counts.succeeded > 1_000 && counts.failed > 1_000, "{counts:?}");
    assert!(counts.handed_out > 1_000 && counts.reported > 1_000, "{counts:?}");
    assert!(counts.rested > 1_000, "{counts:?}");
    assert!(counts.errands > 1_000, "{counts:?}");
    assert!(counts.redriven > 100 && counts.children > 1_000, "{counts:?}");
}

#[test]
fn one_seed() {
    run(number_of("SEED").unwrap_or(7), true);
}

fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The exhaustive form: a run without faults is counted in commits, and then run again once for each, with a
/// crash right before it and a crash right after it. The outcome is the same each time.
#[test]
fn a_crash_at_every_commit_changes_nothing() {
    for machine in machines::ALL {
        let undisturbed = World::run_quietly(machine, None);
        let commits = undisturbed.commits;
        assert!(commits >= 1, "{}", machine.name);
        for crash in 0..commits {
            for when in [world::Crash::BeforeCommit(crash), world::Crash::AfterCommit(crash)] {
                let disturbed = World::run_quietly(machine, Some(when));
                assert_eq!(disturbed.ends, undisturbed.ends, "{} with {when:?}", machine.name);
            }
        }
    }
}
