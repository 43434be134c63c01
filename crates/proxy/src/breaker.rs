//! The breaker: takes the new side out of service within a second when it fails, and back in by degrees.
//!
//! Closed, it counts. Open, the old side serves everybody and a trickle of copies probes the new one. Half open, the new
//! side's share grows from nothing to what the weight says (a slow start, as Envoy's and HAProxy's). Whether a version is
//! good is the rollout's question; here it is only whether it works at all.

use std::collections::VecDeque;
use std::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64, AtomicU8,
    Ordering::{Acquire, Relaxed, Release},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::bucket::Bucket;
use crate::settings::BreakerSpec;

#[cfg(test)]
mod tests;

/// Changes that are remembered, the newest last.
const REMEMBERED: usize = 32;
/// The window is counted in so many parts, and moves on by one of them.
const PARTS: u64 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Position {
    Closed,
    Open,
    HalfOpen,
}

/// The breaker as all workers share it.
#[derive(Debug)]
pub struct Breaker {
    /// A copy of what `machine` says, for the way of each request.
    position: AtomicU8,
    era: AtomicU64,
    quiet: Quiet,
    /// Bounds the copies that probe the new side while it is open.
    probing: Bucket,
    machine: Mutex<Machine>,
    started: Instant,
}

/// Successes that `machine` has not been told of: while nothing fails, none of them takes its lock. Written with each answer,
/// so it shares no cache line with what each request reads.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Quiet {
    /// The breaker is closed, and nothing has failed since something worked.
    untroubled: AtomicBool,
    /// The part of the window that they belong to.
    part: AtomicU64,
    worked: AtomicU32,
    /// When the new side answered last.
    answered: AtomicU64,
}

/// Where the breaker stood when a request began.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// What is told of a request counts only in the era in which it began: one that hung when the breaker opened says nothing
    /// of a new side that is back.
    pub era: u64,
    pub closed: bool,
}

impl Breaker {
    pub fn new(started: Instant) -> Self {
        Self {
            position: AtomicU8::new(Position::Closed as u8),
            era: AtomicU64::new(0),
            quiet: Quiet::default(),
            probing: Bucket::default(),
            machine: Mutex::default(),
            started,
        }
    }

    /// To be asked before the snapshot is loaded: then a request to a new side that has just been replaced by another one is of
    /// an era that is over.
    pub fn standing(&self) -> Standing {
        Standing {
            era: self.era(),
            closed: self.position.load(Relaxed) == Position::Closed as u8,
        }
    }

    pub fn era(&self) -> u64 {
        self.era.load(Acquire)
    }

    /// The new side has begun to answer.
    pub fn answered(&self) {
        self.quiet.answered.store(self.now(), Relaxed);
    }

    /// An answer of the new side is over, and worked; it was asked at `asked`.
    pub fn worked(&self, spec: &BreakerSpec, era: u64, asked: Instant) {
        let quiet = &self.quiet;
        let untroubled = quiet.untroubled.load(Relaxed) && era == self.era();
        if untroubled && quiet.part.load(Relaxed) == part(spec, self.now()) {
            quiet.worked.fetch_add(1, Relaxed);
        } else {
            let asked = millis(asked.saturating_duration_since(self.started));
            self.tell_of(era, spec, |machine, now| machine.worked(spec, now, asked));
        }
    }

    /// The new side failed where the old one did not.
    pub fn failed(&self, spec: &BreakerSpec, era: u64) {
        self.tell_of(era, spec, |machine, now| machine.failed(spec, now));
    }

    /// The new side failed, and nobody asked the old one.
    pub fn failed_unproven(&self, spec: &BreakerSpec, era: u64) {
        self.tell_of(era, spec, |machine, now| machine.failed_unproven(spec, now));
    }

    /// A request has waited for the new side for `stall_ms` at least and has no answer yet.
    pub fn stalled(&self, spec: &BreakerSpec, era: u64) {
        let answered = self.quiet.answered.load(Relaxed);
        self.tell_of(era, spec, |machine, now| machine.stalled(spec, now, answered));
    }

    /// What the health checks say.
    pub fn set_healthy(&self, spec: &BreakerSpec, healthy: bool) {
        self.tell(spec, |machine, now| machine.set_healthy(spec, now, healthy));
    }

    /// The new side is another one, of which nothing is known. To be called once the snapshot that says so is in force.
    pub fn renew(&self, spec: &BreakerSpec) {
        self.tell(spec, Machine::renew);
    }

    fn tell_of(&self, era: u64, spec: &BreakerSpec, news: impl FnOnce(&mut Machine, u64)) {
        self.tell(spec, |machine, now| {
            if machine.era == era {
                news(machine, now);
            }
        });
    }

    fn tell(&self, spec: &BreakerSpec, news: impl FnOnce(&mut Machine, u64)) {
        let now = self.now();
        let mut machine = self.lock();
        let (worked, within) = (self.quiet.worked.swap(0, Relaxed), self.quiet.part.load(Relaxed));
        machine.worked_quietly(within, worked);
        news(&mut machine, now);
        machine.pass_time(spec, now);
        self.publish(&machine);
        self.quiet.part.store(part(spec, now), Relaxed);
        self.quiet.untroubled.store(machine.is_untroubled(), Relaxed);
    }

    /// Where it stands now: an open one may have become half open, and a half open one closed, by time alone.
    fn position(&self, spec: &BreakerSpec) -> Position {
        if self.position.load(Relaxed) == Position::Closed as u8 {
            return Position::Closed;
        }
        let mut machine = self.lock();
        machine.pass_time(spec, self.now());
        self.publish(&machine);
        machine.position
    }

    /// True if a copy may be sent although it is open.
    pub fn admits_probe(&self, spec: &BreakerSpec) -> bool {
        self.probing.take(spec.probes_per_s)
    }

    /// A copy leaves; a probe, if it is open.
    pub fn copied(&self) {
        if self.position.load(Relaxed) == Position::Open as u8 {
            self.lock().probed = true;
        }
    }

    pub fn is_open(&self, spec: &BreakerSpec) -> bool {
        self.position(spec) == Position::Open
    }

    /// The share of clients that the new side serves, for one request, where the rollout says `weight_ppm`.
    pub fn weight(&self, spec: &BreakerSpec, weight_ppm: u32) -> u32 {
        match self.position(spec) {
            Position::Closed => weight_ppm,
            Position::Open => {
                let mut machine = self.lock();
                machine.passed = machine.passed.saturating_add(1);
                0
            }
            Position::HalfOpen => self.lock().ramp(spec, self.now(), weight_ppm),
        }
    }

    pub fn report(&self, spec: &BreakerSpec, weight_ppm: u32) -> Report {
        let now = self.now();
        let mut machine = self.lock();
        machine.pass_time(spec, now);
        self.publish(&machine);
        let weight_ppm = match machine.position {
            Position::Closed => weight_ppm,
            Position::Open => 0,
            Position::HalfOpen => machine.ramp(spec, now, weight_ppm),
        };
        let changes = Arc::clone(&machine.changes);
        let report = Report {
            state: machine.position,
            healthy: !machine.unhealthy,
            opened: machine.opened,
            changed: machine.changed,
            weight_ppm,
            changes: Vec::new(),
        };
        drop(machine); // a worker may wait for it
        Report {
            changes: changes.iter().cloned().collect(),
            ..report
        }
    }

    fn publish(&self, machine: &Machine) {
        self.position.store(machine.position as u8, Relaxed);
        self.era.store(machine.era, Release);
    }

    fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        millis(self.started.elapsed())
    }
}

/// The number of the part of the window that `now` is in.
fn part(spec: &BreakerSpec, now: u64) -> u64 {
    now / (spec.window_ms / PARTS).max(1)
}

fn millis(of: Duration) -> u64 {
    u64::try_from(of.as_millis()).unwrap_or(u64::MAX)
}

/// What Python reads.
#[derive(Debug, Serialize)]
pub struct Report {
    state: Position,
    /// What the health checks said last.
    healthy: bool,
    /// How often it has opened since the start.
    opened: u64,
    /// All changes since the start, of which `changes` are the last.
    changed: u64,
    /// The share of clients that the new side serves in fact.
    weight_ppm: u32,
    changes: Vec<Change>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Change {
    at_ms: u64,
    state: Position,
    reason: String,
    /// Where failures opened it: the time since the first of them.
    after_ms: Option<u64>,
}

/// The machine by itself: told what happens and what time it is, in milliseconds since some start.
#[derive(Debug)]
struct Machine {
    position: Position,
    /// One more each time that it opens, that it is half open, and that the new side is another one.
    era: u64,
    since: u64,
    unhealthy: bool,
    in_a_row: Run,
    waiting: Run,
    window: VecDeque<Part>,
    /// Requests since it opened.
    passed: u32,
    /// A copy of one of them has left.
    probed: bool,
    /// Probes that worked, one after the other, since it opened.
    recovered: u32,
    /// When the last probe failed, or when it opened.
    unfailed_since: u64,
    open_for: u64,
    opened: u64,
    changed: u64,
    /// Whoever reports them holds no lock meanwhile.
    changes: Arc<VecDeque<Change>>,
}

/// Things of a kind that happened one after the other.
#[derive(Debug, Default, Clone, Copy)]
struct Run {
    count: u32,
    since: u64,
}

impl Run {
    fn add(&mut self, began: u64) {
        if self.count == 0 {
            self.since = began;
        }
        self.count = self.count.saturating_add(1);
    }
}

#[derive(Debug)]
struct Part {
    number: u64,
    all: u32,
    failed: Run,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            position: Position::Closed,
            era: 0,
            since: 0,
            unhealthy: false,
            in_a_row: Run::default(),
            waiting: Run::default(),
            window: VecDeque::new(),
            passed: 0,
            probed: false,
            recovered: 0,
            unfailed_since: 0,
            open_for: 0,
            opened: 0,
            changed: 0,
            changes: Arc::default(),
        }
    }
}

impl Machine {
    /// `asked` is when the new side was asked: what was asked before it began to fail may end at any time, and says nothing of
    /// how it is now.
    fn worked(&mut self, spec: &BreakerSpec, now: u64, asked: u64) {
        if asked >= self.in_a_row.since {
            self.in_a_row = Run::default();
        }
        if self.position == Position::Open {
            self.recovered = self.recovered.saturating_add(1);
        } else {
            self.part(part(spec, now)).all += 1;
        }
    }

    /// The same, for those that were counted while nothing failed. None of them says anything of an open one.
    fn worked_quietly(&mut self, within: u64, times: u32) {
        if times > 0 && self.position != Position::Open {
            self.part(within).all += times;
        }
    }

    fn failed(&mut self, spec: &BreakerSpec, now: u64) {
        if self.position != Position::Open {
            self.in_a_row.add(now);
        }
        self.failed_unproven(spec, now);
    }

    /// It may be the request's own fault, which one client can send again and again: it counts only among many.
    fn failed_unproven(&mut self, spec: &BreakerSpec, now: u64) {
        if self.position == Position::Open {
            self.recovered = 0;
            self.unfailed_since = now;
            return;
        }
        let part = self.part(part(spec, now));
        part.all += 1;
        part.failed.add(now);
        let (all, failed) = self.sums();
        if self.in_a_row.count >= spec.failures {
            let Run { count, since } = self.in_a_row;
            self.open(spec, now, format!("{count} failures in a row"), Some(since));
        } else if all >= spec.volume && f64::from(failed.count) >= spec.share * f64::from(all) {
            let Run { count, since } = failed;
            let reason = format!("{count} of {all} requests failed within {} ms", spec.window_ms);
            self.open(spec, now, reason, Some(since));
        }
    }

    /// `answered` is when the new side last did.
    fn stalled(&mut self, spec: &BreakerSpec, now: u64, answered: u64) {
        if self.position == Position::Open {
            return; // a probe has all its time; one that hangs fails in the end
        }
        if answered > self.waiting.since {
            self.waiting = Run::default();
        }
        let began = now.saturating_sub(spec.stall_ms);
        self.waiting.add(began);
        let Run { count, since } = self.waiting;
        if count >= spec.failures && answered <= began {
            let reason = format!(
                "{count} requests wait and nothing was answered for {} ms",
                spec.stall_ms
            );
            self.open(spec, now, reason, Some(since));
        }
    }

    fn set_healthy(&mut self, spec: &BreakerSpec, now: u64, healthy: bool) {
        let was = self.unhealthy;
        self.unhealthy = !healthy;
        if !healthy && !was && self.position != Position::Open {
            self.open(spec, now, "the health checks fail".to_owned(), None);
        }
    }

    fn open(&mut self, spec: &BreakerSpec, now: u64, reason: String, since: Option<u64>) {
        // The longer, the more often it has not lasted; closed for good, it starts anew.
        self.open_for = match self.position {
            Position::HalfOpen => (self.open_for * 2).min(spec.longest_open_ms),
            Position::Closed | Position::Open => spec.open_ms,
        };
        self.opened += 1;
        self.passed = 0;
        self.probed = false;
        self.recovered = 0;
        self.unfailed_since = now;
        let after = since.map(|since| now.saturating_sub(since));
        self.turn(Position::Open, now, reason, after);
    }

    /// What follows by time alone.
    fn pass_time(&mut self, spec: &BreakerSpec, now: u64) {
        let since = now.saturating_sub(self.since);
        match self.position {
            Position::Open if since >= self.open_for && !self.unhealthy => {
                if let Some(reason) = self.may_come_back(spec, now) {
                    self.turn(Position::HalfOpen, now, reason, None);
                }
            }
            Position::HalfOpen if since >= spec.slow_start_ms => {
                self.turn(Position::Closed, now, "the slow start is over".to_owned(), None);
            }
            Position::Closed | Position::Open | Position::HalfOpen => {}
        }
    }

    /// Why an open one may be half open, if it may.
    fn may_come_back(&self, spec: &BreakerSpec, now: u64) -> Option<String> {
        let unfailed = now.saturating_sub(self.unfailed_since);
        if self.recovered >= spec.failures {
            Some(format!("{} probes in a row worked", self.recovered))
        } else if self.passed < spec.failures {
            None // nobody is there whom it could serve
        } else if !self.probed {
            // Nothing is copied here: only the clients themselves can tell, a few at first.
            Some("there was nothing to probe with".to_owned())
        } else if unfailed >= spec.longest_open_ms {
            // Hardly anything is: so few probes would take for ever.
            Some(format!("no probe has failed for {unfailed} ms"))
        } else {
            None
        }
    }

    fn renew(&mut self, now: u64) {
        self.unhealthy = false;
        self.era += 1;
        if self.position == Position::Closed {
            self.forget();
        } else {
            self.turn(Position::Closed, now, "the new side is another one".to_owned(), None);
        }
    }

    fn turn(&mut self, to: Position, now: u64, reason: String, after_ms: Option<u64>) {
        self.position = to;
        self.era += u64::from(to != Position::Closed);
        self.since = now;
        self.changed += 1;
        self.forget();
        let changes = Arc::make_mut(&mut self.changes);
        if changes.len() == REMEMBERED {
            changes.pop_front();
        }
        let at_ms = millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
        changes.push_back(Change {
            at_ms,
            state: to,
            reason,
            after_ms,
        });
    }

    fn forget(&mut self) {
        self.in_a_row = Run::default();
        self.waiting = Run::default();
        self.window.clear();
    }

    /// Half open: the share grows with time.
    fn ramp(&self, spec: &BreakerSpec, now: u64, weight_ppm: u32) -> u32 {
        let since = now.saturating_sub(self.since).min(spec.slow_start_ms);
        let share = u64::from(weight_ppm) * since / spec.slow_start_ms.max(1);
        u32::try_from(share).unwrap_or(weight_ppm)
    }

    fn is_untroubled(&self) -> bool {
        self.position == Position::Closed && self.in_a_row.count == 0
    }

    /// The part of the window with this number; what is too old for the window goes.
    fn part(&mut self, number: u64) -> &mut Part {
        // Numbers from the future come of another length of the window.
        let gone = |part: &Part| part.number + PARTS <= number || part.number > number;
        while self.window.front().is_some_and(gone) {
            self.window.pop_front();
        }
        if self.window.back().is_none_or(|part| part.number != number) {
            self.window.push_back(Part {
                number,
                all: 0,
                failed: Run::default(),
            });
        }
        let last = self.window.len() - 1;
        &mut self.window[last]
    }

    /// All requests of the window, and the failed ones among them.
    fn sums(&self) -> (u32, Run) {
        let all = self.window.iter().map(|part| part.all).sum();
        let mut failed = Run::default();
        for part in self.window.iter().filter(|part| part.failed.count > 0) {
            failed.add(part.failed.since);
            failed.count += part.failed.count - 1;
        }
        (all, failed)
    }
}
