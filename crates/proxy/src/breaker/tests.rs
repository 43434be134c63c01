use proptest::prelude::*;

use super::{Machine, Position};
use crate::settings::BreakerSpec;

const SPEC: BreakerSpec = BreakerSpec {
    failures: 5,
    share: 0.5,
    volume: 20,
    window_ms: 10_000,
    stall_ms: 500,
    open_ms: 5000,
    longest_open_ms: 60_000,
    slow_start_ms: 30_000,
    probes_per_s: 5,
};

fn opened(at: u64) -> Machine {
    let mut machine = Machine::default();
    for _ in 0..5 {
        machine.failed(&SPEC, at);
    }
    machine.probed = true;
    assert_eq!(machine.position, Position::Open);
    machine
}

fn half_open(at: u64) -> Machine {
    let mut machine = opened(at - 5000);
    for _ in 0..5 {
        machine.worked(&SPEC, at, at);
    }
    machine.pass_time(&SPEC, at);
    assert_eq!(machine.position, Position::HalfOpen);
    machine
}

#[test]
fn failures_in_a_row_open_it_and_one_success_between_them_does_not() {
    let mut machine = Machine::default();
    for _ in 0..4 {
        machine.failed(&SPEC, 0);
    }
    machine.worked(&SPEC, 0, 0);
    for _ in 0..4 {
        machine.failed(&SPEC, 0);
    }
    assert_eq!(machine.position, Position::Closed);
    machine.failed(&SPEC, 0);
    assert_eq!(machine.position, Position::Open);
}

#[test]
fn half_of_enough_requests_open_it() {
    let mut machine = Machine::default();
    for at in 0..9 {
        machine.worked(&SPEC, at, at);
        machine.failed(&SPEC, at);
    }
    assert_eq!(machine.position, Position::Closed, "18 are too few");
    machine.worked(&SPEC, 10, 10);
    machine.failed(&SPEC, 10);
    assert_eq!(machine.position, Position::Open);
}

#[test]
fn old_failures_are_forgotten_with_the_window() {
    let mut machine = Machine::default();
    for at in 0..9 {
        machine.worked(&SPEC, at, at);
        machine.failed(&SPEC, at);
    }
    machine.worked(&SPEC, 20_000, 20_000);
    machine.failed(&SPEC, 20_000);
    assert_eq!(machine.position, Position::Closed);
}

#[test]
fn many_that_wait_open_it_only_where_nothing_is_answered() {
    let mut machine = Machine::default();
    for at in 1000..1020 {
        machine.stalled(&SPEC, at, at - 100);
    }
    assert_eq!(machine.position, Position::Closed);
    for at in 1600..1605 {
        machine.stalled(&SPEC, at, 1019);
    }
    assert_eq!(machine.position, Position::Open);
    assert_eq!(
        machine.changes[0].after_ms,
        Some(504),
        "from when the first of them was sent"
    );
}

#[test]
fn it_stays_open_for_its_time_and_until_probes_work() {
    let mut machine = opened(1000);
    for _ in 0..10 {
        machine.worked(&SPEC, 2000, 2000);
    }
    machine.pass_time(&SPEC, 5999);
    assert_eq!(machine.position, Position::Open);
    machine.failed(&SPEC, 5999);
    machine.pass_time(&SPEC, 6000);
    assert_eq!(machine.position, Position::Open, "the last probe failed");
    for _ in 0..5 {
        machine.worked(&SPEC, 6100, 6100);
    }
    machine.pass_time(&SPEC, 6100);
    assert_eq!(machine.position, Position::HalfOpen);
}

#[test]
fn where_nothing_is_copied_its_time_is_enough() {
    let mut machine = opened(1000);
    machine.probed = false;
    machine.pass_time(&SPEC, 6000);
    assert_eq!(machine.position, Position::Open, "nobody has asked for anything");
    machine.passed = 5;
    machine.pass_time(&SPEC, 5999);
    assert_eq!(machine.position, Position::Open);
    machine.pass_time(&SPEC, 6000);
    assert_eq!(machine.position, Position::HalfOpen);
}

#[test]
fn the_share_grows_by_degrees_and_then_it_is_closed() {
    let mut machine = half_open(100_000);
    assert_eq!(machine.ramp(&SPEC, 100_000, 500_000), 0);
    assert_eq!(machine.ramp(&SPEC, 115_000, 500_000), 250_000);
    machine.pass_time(&SPEC, 129_999);
    assert_eq!(machine.position, Position::HalfOpen);
    machine.pass_time(&SPEC, 130_000);
    assert_eq!(machine.position, Position::Closed);
}

#[test]
fn each_relapse_doubles_the_time_up_to_the_longest() {
    let mut machine = half_open(100_000);
    let mut at = 100_000;
    for expected in [10_000, 20_000, 40_000, 60_000, 60_000] {
        for _ in 0..5 {
            machine.failed(&SPEC, at);
        }
        assert_eq!((machine.position, machine.open_for), (Position::Open, expected));
        machine.probed = true;
        at += expected;
        for _ in 0..5 {
            machine.worked(&SPEC, at, at);
        }
        machine.pass_time(&SPEC, at);
        assert_eq!(machine.position, Position::HalfOpen);
    }
}

#[test]
fn failing_health_checks_open_it_and_keep_it_open() {
    let mut machine = Machine::default();
    machine.set_healthy(&SPEC, 0, false);
    assert_eq!(machine.position, Position::Open);
    for _ in 0..50 {
        machine.worked(&SPEC, 20_000, 20_000);
    }
    machine.pass_time(&SPEC, 20_000);
    assert_eq!(machine.position, Position::Open);
    machine.set_healthy(&SPEC, 20_000, true);
    machine.pass_time(&SPEC, 20_000);
    assert_eq!(machine.position, Position::HalfOpen);
}

/// A new side that is slower than `stall_ms` is not one that fails.
#[test]
fn probes_that_work_bring_it_back_however_long_they_take() {
    let mut machine = opened(1000);
    for probe in 1..=5 {
        let asked = 1000 + probe * 1000;
        machine.stalled(&SPEC, asked + 500, asked + 300);
        machine.worked(&SPEC, asked + 620, asked);
    }
    machine.pass_time(&SPEC, 7000);
    assert_eq!(machine.position, Position::HalfOpen);
}

#[test]
fn probes_that_are_too_few_do_not_keep_it_open_for_ever() {
    let mut machine = opened(1000);
    machine.passed = 5;
    machine.failed(&SPEC, 2000);
    machine.worked(&SPEC, 3000, 3000);
    machine.pass_time(&SPEC, 61_999);
    assert_eq!(machine.position, Position::Open);
    machine.pass_time(&SPEC, 62_000);
    assert_eq!(
        machine.position,
        Position::HalfOpen,
        "a minute after the one that failed"
    );
}

#[test]
fn what_was_asked_before_it_failed_hides_nothing() {
    let mut machine = Machine::default();
    for at in 1000..1004 {
        machine.failed(&SPEC, at);
        machine.worked(&SPEC, at, 999);
    }
    assert_eq!(machine.position, Position::Closed);
    machine.failed(&SPEC, 1004);
    assert_eq!(machine.position, Position::Open);
}

#[test]
fn what_ends_says_nothing_of_those_that_wait() {
    let mut machine = Machine::default();
    for at in 1600..1605 {
        machine.worked(&SPEC, at, 1000);
        machine.stalled(&SPEC, at, 1000);
    }
    assert_eq!(machine.position, Position::Open);
}

#[test]
fn failures_that_may_be_the_requests_own_count_only_among_many() {
    let mut machine = Machine::default();
    for at in 0..19 {
        machine.failed_unproven(&SPEC, at);
    }
    assert_eq!(machine.position, Position::Closed);
    machine.failed_unproven(&SPEC, 19);
    assert_eq!(machine.position, Position::Open);
}

#[test]
fn another_new_side_begins_anew() {
    let mut machine = Machine::default();
    for _ in 0..4 {
        machine.failed(&SPEC, 0);
    }
    let era = machine.era;
    machine.renew(10);
    assert!(machine.era > era, "what is still to come is of the one before");
    assert_eq!(machine.changed, 0);
    machine.failed(&SPEC, 20);
    assert_eq!(machine.position, Position::Closed);

    let mut machine = opened(100);
    machine.set_healthy(&SPEC, 110, false);
    machine.renew(120);
    assert_eq!((machine.position, machine.unhealthy), (Position::Closed, false));
    assert_eq!(machine.changes.len(), 2);
}

#[derive(Debug, Clone, Copy)]
enum News {
    Worked,
    Failed,
    Unproven,
    Stalled,
    Passed { probe: bool },
    Healthy(bool),
    Renewed,
}

impl News {
    fn tell(self, machine: &mut Machine, now: u64) {
        match self {
            News::Worked => machine.worked(&SPEC, now, now),
            News::Failed => machine.failed(&SPEC, now),
            News::Unproven => machine.failed_unproven(&SPEC, now),
            News::Stalled => machine.stalled(&SPEC, now, 0),
            News::Passed { probe } => {
                machine.passed += 1;
                machine.probed |= probe;
            }
            News::Healthy(healthy) => machine.set_healthy(&SPEC, now, healthy),
            News::Renewed => machine.renew(now),
        }
    }
}

fn news() -> impl Strategy<Value = News> {
    prop_oneof![
        4 => Just(News::Worked),
        3 => Just(News::Failed),
        1 => Just(News::Unproven),
        1 => Just(News::Stalled),
        1 => any::<bool>().prop_map(|probe| News::Passed { probe }),
        1 => any::<bool>().prop_map(News::Healthy),
        1 => Just(News::Renewed),
    ]
}

proptest! {
    /// Whatever happens: no traffic while open, never more than the weight, and only the three known ways lead on.
    #[test]
    fn it_takes_only_the_known_ways(steps in proptest::collection::vec((news(), 0u64..4000), 1..300)) {
        let (mut machine, mut now) = (Machine::default(), 0);
        for (news, later) in steps {
            now += later;
            let before = machine.position;
            news.tell(&mut machine, now);
            let told = machine.position;
            prop_assert!(told == before
                || told == Position::Open
                || (told == Position::Closed && matches!(news, News::Renewed)));
            machine.pass_time(&SPEC, now);
            let later = machine.position;
            prop_assert!(later == told
                || (told == Position::Open && later == Position::HalfOpen)
                || (told == Position::HalfOpen && later == Position::Closed));
            prop_assert!(machine.ramp(&SPEC, now, 300_000) <= 300_000);
            prop_assert!(machine.changes.len() <= super::REMEMBERED);
            prop_assert!(machine.open_for <= SPEC.longest_open_ms);
        }
    }

    /// Whatever has happened: where nothing fails any more and clients go on asking, it closes in the end, however few of
    /// their requests can be copied and however late the answers are.
    #[test]
    fn it_never_stays_open_for_ever(
        steps in proptest::collection::vec((news(), 0u64..4000), 1..100), probe: bool, stalls: bool
    ) {
        let (mut machine, mut now) = (Machine::default(), 0);
        for (news, later) in steps {
            now += later;
            news.tell(&mut machine, now);
            machine.pass_time(&SPEC, now);
        }
        machine.set_healthy(&SPEC, now, true);
        let until = now + SPEC.longest_open_ms + 2 * SPEC.slow_start_ms + 2000;
        News::Passed { probe }.tell(&mut machine, now);
        while now < until && machine.position != Position::Closed {
            now += 1000;
            News::Passed { probe: false }.tell(&mut machine, now);
            if stalls && machine.position == Position::Open {
                machine.stalled(&SPEC, now, now - 500);
            }
            machine.pass_time(&SPEC, now);
        }
        prop_assert_eq!(machine.position, Position::Closed);
    }
}
