//! What the two sides have said to one request so far, and whom it is told: the latency, the breaker, the judge's counts.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Response, StatusCode};
use hyper::body::Incoming;

use crate::answer::{is_server_error, Answered};
use crate::body::Sent;
use crate::breaker::Standing;
use crate::copying::{Progress, ReqBody};
use crate::headers::Head;
use crate::ledger::Endpoint;
use crate::pool::Pool;
use crate::serving::{begin, Begun};
use crate::sides::{Side, Sides};
use crate::snapshot::Snapshot;
use crate::upstream_error::{Failure, UpstreamError};
use crate::worker::Worker;

pub struct Heard {
    worker: Rc<Worker>,
    snapshot: Arc<Snapshot>,
    endpoint: Arc<Endpoint>,
    said: Sides<Cell<Said>>,
    /// The breaker's, when this request began.
    standing: Standing,
    /// When the new side was asked.
    asked: Cell<Option<Sent>>,
    /// The breaker knows how the new side has done.
    told: Cell<bool>,
    /// It is among those that the judge gets as asked of one side only.
    counted_alone: Cell<bool>,
}

/// What one side has said.
#[derive(Debug, Default, Clone, Copy)]
struct Said {
    /// Once there is the head of an answer.
    status: Option<StatusCode>,
    took: Duration,
    /// It gave no answer, or not all of it.
    broke: bool,
}

impl Said {
    fn failed(self) -> bool {
        self.broke || self.status.is_some_and(is_server_error)
    }

    fn worked(self) -> bool {
        self.status.is_some() && !self.failed()
    }

    /// Nothing is known of a side that was not asked, or that we gave up.
    fn known(self) -> bool {
        self.broke || self.status.is_some()
    }
}

/// A request as one side is to get it.
pub struct Asked<'a> {
    pub head: &'a Head,
    pub copy: bool,
    pub body: ReqBody,
    /// Another answer can stand in for this one, or nobody waits for it.
    pub replaceable: bool,
}

/// A request that waits for the new side; dropped when its client leaves.
struct Waits<'a> {
    heard: &'a Heard,
    /// The breaker has been told of it, and it waits on.
    stalls: bool,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if self.stalls {
            self.heard.left_waiting();
        }
    }
}

impl std::fmt::Debug for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Heard")
            .field("said", &self.said)
            .finish_non_exhaustive()
    }
}

impl Heard {
    pub fn new(
        worker: &Rc<Worker>,
        snapshot: &Arc<Snapshot>,
        endpoint: &Arc<Endpoint>,
        standing: Standing,
    ) -> Rc<Self> {
        Rc::new(Self {
            worker: Rc::clone(worker),
            snapshot: Arc::clone(snapshot),
            endpoint: Arc::clone(endpoint),
            said: Sides::default(),
            standing,
            asked: Cell::new(None),
            told: Cell::new(false),
            counted_alone: Cell::new(false),
        })
    }

    /// Sends the request to one side and notes what comes of it.
    pub async fn ask(&self, pool: &Rc<Pool>, asked: Asked<'_>) -> Result<Begun, UpstreamError> {
        let side = pool.target.side;
        let Asked {
            head,
            copy,
            body,
            replaceable,
        } = asked;
        let upload = body.progress();
        let sent = Sent::now();
        let mut answer = Box::pin(pool.send(head, copy, body)); // in a box, or every task around it is moved with it
        let answered = match side {
            Side::Old => answer.await,
            Side::New => {
                self.asked.set(Some(sent));
                self.watch(answer.as_mut(), sent, upload.as_ref(), replaceable).await
            }
        };
        match answered {
            Ok(response) => {
                let begun = begin(response, sent);
                self.answered(side, &begun);
                Ok(begun)
            }
            Err(error) => {
                if error.is_the_sides() {
                    self.broke(side);
                }
                if side == Side::New && error.is_unreachable() {
                    self.tell_failure(); // no matter what was asked, and so whatever old says
                }
                Err(error)
            }
        }
    }

    fn answered(&self, side: Side, begun: &Begun) {
        let (status, took) = (begun.head.status, begun.head.took);
        let counts = &self.endpoint.sides[side];
        counts.latency.record(took);
        if is_server_error(status) {
            counts.status_5xx.fetch_add(1, Relaxed);
        }
        if side == Side::New {
            self.worker.state.breaker.answered();
        }
        let said = self.said[side].get();
        self.said[side].set(Said {
            status: Some(status),
            took,
            ..said
        });
        self.weigh();
    }

    /// The side gave no answer, or its answer broke off.
    pub fn broke(&self, side: Side) {
        let said = self.said[side].get();
        self.said[side].set(Said { broke: true, ..said });
        self.weigh();
    }

    /// A failure of the new side counts as its own once the old side has answered the same request without one.
    fn weigh(&self) {
        if self.said.new.get().failed() && self.said.old.get().worked() {
            self.tell_failure();
        }
    }

    fn tell_failure(&self) {
        if !self.told.replace(true) {
            self.worker
                .state
                .breaker
                .failed(&self.snapshot.breaker, self.standing.era);
        }
    }

    /// Nothing more is to be heard of the new side.
    pub fn over(&self) {
        if let Some(asked) = self.asked.get().filter(|_| self.said.new.get().worked()) {
            if !self.told.replace(true) {
                let breaker = &self.worker.state.breaker;
                breaker.worked(&self.snapshot.breaker, self.standing.era, asked.at());
            }
        }
    }

    /// Waits for the new side. Tells the breaker, once, of a request that waits although the old side has answered it, and
    /// waits no longer for an answer that can be replaced once the breaker has opened.
    async fn watch<T>(
        &self,
        mut answer: Pin<&mut impl Future<Output = Result<T, UpstreamError>>>,
        sent: Sent,
        upload: Option<&Progress>,
        replaceable: bool,
    ) -> Result<T, UpstreamError> {
        let (state, spec, era) = (&self.worker.state, &self.snapshot.breaker, self.standing.era);
        let stall = Duration::from_millis(spec.stall_ms);
        let mut waits = Waits {
            heard: self,
            stalls: false,
        };
        loop {
            if let Ok(answered) = tokio::time::timeout(stall, answer.as_mut()).await {
                waits.stalls = false;
                return answered;
            }
            let sent_whole = upload.is_none_or(Progress::is_whole);
            if sent_whole && !waits.stalls && state.breaker.era() == era && self.is_late(sent) {
                waits.stalls = true;
                state.breaker.stalled(spec, era);
            }
            // A probe, which began while it was open, has its full time.
            if replaceable && state.breaker.era() != era && state.breaker.is_open(spec) {
                if !std::mem::take(&mut waits.stalls) {
                    return Err(UpstreamError::given_up());
                }
                let failure = Failure::Timeout;
                state.sides.new.failures.of(failure).fetch_add(1, Relaxed);
                return Err(UpstreamError::maybe_arrived(failure));
            }
        }
    }

    /// The client has left because the new side answers nothing, which nobody would know of otherwise.
    fn left_waiting(&self) {
        self.broke(Side::New);
        self.endpoint.failures.count(&Sides {
            old: self.said.old.get().failed(),
            new: true,
        });
    }

    /// Asks for an upgrade, of which there is no copy: only whether the new side is there at all says something of it.
    pub async fn ask_to_upgrade(
        &self,
        pool: &Rc<Pool>,
        head: &Head,
        protocol: &HeaderValue,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let sent = Sent::now();
        let answered = pool.upgrade(head, protocol).await;
        if pool.target.side == Side::New {
            match &answered {
                Ok(answer) if !is_server_error(answer.status()) => {
                    let breaker = &self.worker.state.breaker;
                    breaker.worked(&self.snapshot.breaker, self.standing.era, sent.at());
                }
                Err(error) if error.is_unreachable() => self.tell_failure(),
                Ok(_) | Err(_) => {}
            }
        }
        answered
    }

    /// True if the old side has answered in less than half the time for which the new one has been silent.
    fn is_late(&self, sent: Sent) -> bool {
        let Said { status, took, .. } = self.said.old.get();
        status.is_some() && sent.took() >= took * 2
    }

    /// True if `side` has answered that it took what it was asked.
    pub fn took_it(&self, side: Side) -> bool {
        let Said { status, broke, .. } = self.said[side].get();
        !broke && status.is_some_and(|status| status.as_u16() < 400) // what broke off says nothing for certain
    }

    /// Both sides were asked and have nothing more to say.
    pub fn pair(&self, pair: &Sides<Answered>) {
        for side in Side::BOTH {
            if matches!(pair[side], Answered::Failed { .. }) {
                self.broke(side);
            }
        }
        self.over();
        let Sides { old, new } = &self.said;
        let (old, new) = (old.get(), new.get());
        if old.known() && new.known() {
            self.endpoint.failures.count(&Sides {
                old: old.failed(),
                new: new.failed(),
            });
        }
        if let (Some(_), Some(_), Some(slow)) = (old.status, new.status, &*self.endpoint.slow.load()) {
            slow.count(&Sides {
                old: old.took,
                new: new.took,
            });
        }
    }

    /// One side was asked, and the other only where that was to be a rescue. The judge compares how often the two fail by the
    /// share of the clients that each had: where something else than the weight chose the side, that says nothing.
    pub fn alone(&self, serving: Side, by_weight: bool) {
        let said = self.said[serving].get();
        if by_weight && self.standing.closed && said.known() {
            self.endpoint.alone[serving].count(said.failed());
            self.counted_alone.set(true);
        }
        let old = self.said.old.get();
        if serving == Side::New && said.failed() && !old.failed() {
            if said.broke || old.known() {
                self.tell_failure();
            } else if !self.told.replace(true) {
                let breaker = &self.worker.state.breaker;
                breaker.failed_unproven(&self.snapshot.breaker, self.standing.era);
            }
        }
    }

    /// The answer to a request that only `side` was asked broke off on its way to the client.
    pub fn broke_alone(&self, side: Side) {
        let had_failed = self.said[side].get().failed();
        self.broke(side);
        if self.counted_alone.get() && !had_failed {
            self.endpoint.alone[side].fail();
        }
        if side == Side::New {
            self.tell_failure();
        }
    }
}
