//! `verify: true`: a client that the new side should serve gets its answer only where it has proved equal to the old
//! side's, and else the old side's. A canary without a risk, for the price of waiting for both.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::Frame;
use parallelrun_compare::{compare, Difference, Kind};
use tokio::time::{timeout, timeout_at, Instant};

use crate::answer::{is_endless, is_server_error, Answer, Answered};
use crate::body::{ClientBody, HeldBack};
use crate::budget::Share;
use crate::capture::{held_by, LONG};
use crate::client_error;
use crate::conclude::{late, unanswered, Copied, Other};
use crate::copying::ReqBody;
use crate::flow::Exchange;
use crate::ledger::Outcome;
use crate::offload::{self, Work};
use crate::serving::{conclude_without_client, pass_and_conclude, start, Begun, Leg};
use crate::sides::Side;
use crate::upstream_error::{Failure, UpstreamError};

/// Most of a held answer that the client's connection is handed at once: what it has not taken yet is still reserved.
const PIECE: usize = 64 * 1024;

/// An answer that is read before anybody knows whether the client gets it.
pub struct Held {
    begun: Begun,
    /// Its body so far; empty once it is whole.
    data: Vec<u8>,
    /// The only part so far, in place of `data`, where it is as long as `capture` keeps one.
    alone: Option<Bytes>,
    trailers: Option<HeaderMap>,
    cap: usize,
    memory: Share,
    state: Reading,
}

#[derive(Debug)]
enum Reading {
    UnderWay,
    Whole(Bytes),
    /// The outcome says why no more of it is kept.
    Left(Outcome),
    Broke(Answered, Failure),
}

impl Held {
    fn new(exchange: &Exchange, begun: Begun) -> Self {
        let mut memory = exchange.worker.state.memory.share();
        let state = if is_endless(&begun.head.headers) {
            Reading::Left(Outcome::Streaming)
        } else if !memory.charge(&begun.head.headers) {
            Reading::Left(Outcome::Overload)
        } else {
            Reading::UnderWay
        };
        Self {
            begun,
            data: Vec::new(),
            alone: None,
            trailers: None,
            cap: exchange.snapshot.limits.body_bytes,
            memory,
            state,
        }
    }

    /// Reads on until it is whole, or cannot be held whole. May be dropped and called again.
    async fn read(&mut self) -> Result<(), Unverified> {
        while matches!(self.state, Reading::UnderWay) {
            let body = &mut self.begun.body;
            let part = if body.is_over() { None } else { body.part().await };
            match part {
                Some(Ok(frame)) => self.keep(frame),
                Some(Err(broken)) => {
                    self.state = Reading::Broke(broken.answered(self.begun.head.clone()), broken.failure());
                }
                None => self.state = Reading::Whole(self.take_data()),
            }
        }
        self.whole().map(|_| ()).ok_or(Unverified)
    }

    fn whole(&self) -> Option<&Bytes> {
        match &self.state {
            Reading::Whole(body) => Some(body),
            Reading::UnderWay | Reading::Left(_) | Reading::Broke(..) => None,
        }
    }

    /// Keeps it in any case: the client may get it yet.
    fn keep(&mut self, frame: Frame<Bytes>) {
        match frame.into_data() {
            Ok(part) => {
                let first = self.data.is_empty() && self.alone.is_none();
                if first && (LONG..=self.cap).contains(&part.len()) && self.memory.grow(held_by(&part)) {
                    self.alone = Some(part);
                    return;
                }
                if let Some(first) = self.alone.take() {
                    self.data.extend_from_slice(&first);
                    self.memory.shrink(held_by(&first) - first.len());
                }
                self.data.extend_from_slice(&part);
                if self.data.len() > self.cap {
                    self.state = Reading::Left(Outcome::ResponseTooLarge);
                } else if !self.memory.grow(part.len()) {
                    self.state = Reading::Left(Outcome::Overload);
                }
            }
            Err(frame) => self.trailers = frame.into_trailers().ok(),
        }
    }

    fn take_data(&mut self) -> Bytes {
        let gathered = std::mem::take(&mut self.data);
        self.alone.take().unwrap_or_else(|| gathered.into())
    }

    /// Reads the rest of an answer that the client does not get, for no longer than `most`. `passed` turns true when the one
    /// that it gets has ended.
    pub async fn read_on(mut self, most: Duration, passed: &Cell<bool>) -> Answered {
        let _ = timeout(most, self.read()).await; // the state tells
        match self.state {
            Reading::Whole(body) => Answered::Whole(Answer {
                head: self.begun.head,
                body,
                _memory: self.memory,
            }),
            Reading::Left(outcome) => Answered::Left(outcome),
            Reading::Broke(answered, _) => answered,
            Reading::UnderWay => late(self.begun.head, passed),
        }
    }

    fn failed(&self) -> bool {
        is_server_error(self.begun.head.status) || matches!(self.state, Reading::Broke(Answered::Failed { .. }, _))
    }

    /// What was read of it, and the rest as it comes.
    fn into_held_back(mut self) -> (Begun, HeldBack) {
        let mut data = self.take_data();
        if let Reading::Whole(body) = self.state {
            data = body;
        }
        let mut frames = Vec::new();
        while !data.is_empty() {
            frames.push(Frame::data(data.split_to(data.len().min(PIECE))));
        }
        frames.extend(self.trailers.map(Frame::trailers));
        let memory = Some(self.memory);
        (self.begun, HeldBack { frames, memory })
    }
}

/// The client gets the old side's answer.
struct Unverified;

/// The new side's answer, as far as it has come.
enum Coming {
    Leg(Leg),
    Held(Box<Held>),
    Failed(UpstreamError),
    /// Its task is gone: the process ends.
    Cancelled,
}

impl Coming {
    /// Waits for its head.
    async fn begin(&mut self, exchange: &Exchange) {
        if let Coming::Leg(leg) = self {
            *self = match leg.await {
                Ok(Ok(begun)) => Coming::Held(Box::new(Held::new(exchange, begun))),
                Ok(Err(error)) => Coming::Failed(error),
                Err(_) => Coming::Cancelled,
            };
        }
    }

    async fn read(&mut self, exchange: &Exchange) -> Result<(), Unverified> {
        self.begin(exchange).await;
        match self {
            Coming::Held(held) => held.read().await,
            Coming::Leg(_) | Coming::Failed(_) | Coming::Cancelled => Err(Unverified),
        }
    }

    fn failed(&self) -> bool {
        match self {
            Coming::Held(held) => held.failed(),
            Coming::Failed(error) => !error.clients_fault,
            Coming::Leg(_) | Coming::Cancelled => false,
        }
    }

    fn into_other(self) -> Other {
        match self {
            Coming::Leg(leg) => Other::Leg(leg),
            Coming::Held(held) => Other::Held(held),
            Coming::Failed(error) => Other::Known(Box::new(Err(error))),
            Coming::Cancelled => Other::Cancelled,
        }
    }
}

/// Asks the old side with `lead`, whose answer is good in any case, and the new one with the copy.
pub async fn serve(exchange: Exchange, copied: Copied, lead: ReqBody, follow: ReqBody) -> Response<ClientBody> {
    let leg = start(&exchange, Side::Old, false, lead, Rc::clone(&copied.permit));
    let mut new = Coming::Leg(start(&exchange, Side::New, true, follow, Rc::clone(&copied.permit)));
    let mut old = match leg.await {
        Ok(Ok(begun)) => Held::new(&exchange, begun),
        Ok(Err(error)) => {
            let theirs = unanswered(error, copied.upload.as_deref());
            return without_old(exchange, copied, theirs, new).await;
        }
        Err(_) => return ending(exchange, copied),
    };
    let deadline = Instant::now() + Duration::from_millis(exchange.snapshot.verify.wait_ms);
    let in_time = timeout_at(deadline, both(old.read(), new.read(&exchange))).await;
    if let Reading::Broke(..) = old.state {
        let theirs = old.read_on(Duration::ZERO, &Cell::new(false)).await;
        return without_old(exchange, copied, theirs, new).await;
    }
    let verified = &exchange.ticket.endpoint().verified;
    match new {
        Coming::Held(new)
            if matches!(in_time, Ok(Ok(())))
                && matches!(timeout_at(deadline, equal(&exchange, &old, &new)).await, Ok(true)) =>
        {
            verified.passed.fetch_add(1, Relaxed);
            let (begun, held) = new.into_held_back();
            pass_and_conclude(exchange, copied, Side::New, begun, held, Other::Held(Box::new(old)))
        }
        new => {
            verified.fell_back.fetch_add(1, Relaxed);
            if new.failed() && !old.failed() {
                exchange.ticket.rescued();
            }
            let (begun, held) = old.into_held_back();
            pass_and_conclude(exchange, copied, Side::Old, begun, held, new.into_other())
        }
    }
}

/// Both, or the first that fails.
async fn both(
    old: impl Future<Output = Result<(), Unverified>>,
    new: impl Future<Output = Result<(), Unverified>>,
) -> Result<(), Unverified> {
    tokio::try_join!(old, new).map(|_| ())
}

/// The old side gave no answer, so nothing can be verified: the client gets the new side's, as without `verify`.
async fn without_old(exchange: Exchange, copied: Copied, theirs: Answered, mut new: Coming) -> Response<ClientBody> {
    let theirs = Other::Answered(Box::new(theirs));
    new.begin(&exchange).await;
    let (mine, response) = match new {
        Coming::Held(held) => match held.state {
            Reading::Broke(mine, failure) => (mine, client_error::failed(Side::New, failure)),
            Reading::UnderWay | Reading::Whole(_) | Reading::Left(_) => {
                let (begun, held) = held.into_held_back();
                return pass_and_conclude(exchange, copied, Side::New, begun, held, theirs);
            }
        },
        Coming::Failed(error) => {
            let response = client_error::no_answer(Side::New, &error);
            (unanswered(error, copied.upload.as_deref()), response)
        }
        Coming::Leg(_) | Coming::Cancelled => return ending(exchange, copied),
    };
    conclude_without_client(exchange, copied, mine, theirs);
    response
}

/// The tasks that asked are gone: the process ends.
fn ending(exchange: Exchange, copied: Copied) -> Response<ClientBody> {
    conclude_without_client(exchange, copied, Answered::Left(Outcome::ClientGone), Other::Cancelled);
    client_error::ending()
}

/// True if the answers differ in nothing, or only where a rule or the old side's own noise excuses it.
async fn equal(exchange: &Exchange, old: &Held, new: &Held) -> bool {
    let (Some(old_body), Some(new_body)) = (old.whole(), new.whole()) else {
        return false;
    };
    let (old_head, new_head) = (old.begun.head.clone(), new.begun.head.clone());
    let (old_body, new_body) = (old_body.clone(), new_body.clone());
    let work = Work::of_two((&old_head, &old_body), (&new_head, &new_body));
    let (route, endpoint) = (Arc::clone(&exchange.route), Arc::clone(exchange.ticket.endpoint()));
    let job = move || {
        let (old, new) = (old_head.as_compared(&old_body), new_head.as_compared(&new_body));
        let differences = compare(&route.rules, &old, &new).differences;
        let learned = endpoint.differences.learned(&differences);
        let excused = |(difference, learned): (&Difference, &bool)| {
            // Noise somewhere in a text says little about the rest of it.
            difference.rule.is_some() || (*learned && difference.kind != Kind::Text)
        };
        differences.iter().zip(&learned).all(excused)
    };
    offload::run(&exchange.worker.state, work, job).await
}
