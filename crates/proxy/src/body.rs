//! An answer's body on its way from a side to the client, with a copy taken as it passes.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};

use crate::answer::{Answer, AnswerHead, Answered};
use crate::budget::Share;
use crate::copying::{join, ReqBody};
use crate::ledger::Outcome;
use crate::pool::Pool;
use crate::sides::Side;
use crate::state::State;
use crate::upstream_error::{classify, Failure};

/// Why an answer's body broke off. The client sees its connection closed: a truncated answer must not look whole.
#[derive(Debug, thiserror::Error)]
#[error("the {} side broke off its answer: {}", side.name(), failure.name())]
pub struct BrokenOff {
    pub side: Side,
    pub failure: Failure,
}

/// A side's answer as it arrives. Gives its connection back at the end.
#[derive(Debug)]
pub struct UpstreamBody {
    incoming: Incoming,
    connection: Option<Connection>,
    state: Arc<State>,
    side: Side,
    idle: Duration,
    silence: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

struct Connection(SendRequest<ReqBody>, Rc<Pool>);

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connection")
    }
}

impl UpstreamBody {
    pub fn new(
        incoming: Incoming,
        connection: Option<(SendRequest<ReqBody>, Rc<Pool>)>,
        state: &Arc<State>,
        side: Side,
    ) -> Self {
        let idle = state.idle();
        let connection = connection.map(|(send, pool)| Connection(send, pool));
        let mut body = Self {
            incoming,
            connection,
            state: Arc::clone(state),
            side,
            idle,
            silence: None,
            ended: false,
        };
        if body.incoming.is_end_stream() {
            body.end();
        }
        body
    }

    fn end(&mut self) {
        self.ended = true;
        if let Some(Connection(send, pool)) = self.connection.take() {
            pool.give_back(send);
        }
    }

    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.silence = None;
                // Trailers are the last there is, and whoever sends them on asks for nothing after them.
                if frame.is_trailers() || self.incoming.is_end_stream() {
                    self.end();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(self.broken(classify(&error))))),
            Poll::Ready(None) => {
                self.end();
                Poll::Ready(None)
            }
            Poll::Pending => {
                let idle = self.idle;
                let silence = self.silence.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
                match silence.as_mut().poll(cx) {
                    Poll::Ready(()) => Poll::Ready(Some(Err(self.broken(Failure::Timeout)))),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }

    fn broken(&mut self, failure: Failure) -> BrokenOff {
        self.ended = true;
        let counts = &self.state.sides[self.side];
        counts.truncated.fetch_add(1, Relaxed);
        counts.failures.of(failure).fetch_add(1, Relaxed);
        BrokenOff {
            side: self.side,
            failure,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }

    /// The declared length, if there is one.
    pub fn exact_length(&self) -> Option<u64> {
        self.incoming.size_hint().exact()
    }

    /// Reads to the end and keeps the parts, but no more than `capture` may.
    pub async fn collect(mut self, head: AnswerHead, mut capture: Capture) -> Answered {
        while !self.ended {
            match std::future::poll_fn(|cx| self.poll_part(cx)).await {
                Some(Ok(frame)) => capture.keep(&frame),
                Some(Err(broken)) => {
                    return Answered::Failed {
                        failure: broken.failure,
                        head: Some(head),
                    }
                }
                None => break,
            }
            if let Some(outcome) = capture.refused {
                return Answered::Left(outcome);
            }
        }
        capture.finish(head)
    }

    /// Reads a short body to its end before anything of it goes on, so that a break in the middle can still be rescued.
    pub async fn hold(&mut self) -> Result<Vec<Frame<Bytes>>, Failure> {
        let mut held = Vec::with_capacity(1);
        while !self.ended {
            match std::future::poll_fn(|cx| self.poll_part(cx)).await {
                Some(Ok(frame)) => held.push(frame),
                Some(Err(broken)) => return Err(broken.failure),
                None => break,
            }
        }
        Ok(held)
    }
}

/// The copy of an answer's body, within a cap of its own and the memory of all.
#[derive(Debug)]
pub struct Capture {
    parts: Vec<Bytes>,
    bytes: usize,
    cap: usize,
    share: Share,
    /// Why the answer will not be compared.
    refused: Option<Outcome>,
}

impl Capture {
    pub fn new(cap: usize, share: Share) -> Self {
        Self {
            parts: Vec::new(),
            bytes: 0,
            cap,
            share,
            refused: None,
        }
    }

    fn keep(&mut self, frame: &Frame<Bytes>) {
        let Some(data) = frame.data_ref().filter(|_| self.refused.is_none()) else {
            return;
        };
        if self.bytes + data.len() > self.cap {
            self.refuse(Outcome::ResponseTooLarge);
        } else if !self.share.grow(data.len()) {
            self.refuse(Outcome::Overload);
        } else {
            self.bytes += data.len();
            self.parts.push(data.clone());
        }
    }

    fn refuse(&mut self, outcome: Outcome) {
        self.refused = Some(outcome);
        self.parts = Vec::new();
    }

    fn finish(self, head: AnswerHead) -> Answered {
        match self.refused {
            Some(outcome) => Answered::Left(outcome),
            None => Answered::Whole(Answer {
                head,
                body: join(self.parts.into_iter(), self.bytes),
                _memory: self.share,
            }),
        }
    }
}

/// Where the serving side's answer goes once it has passed. Dropped unsent when the client leaves.
#[derive(Debug)]
pub struct Witness {
    pub head: AnswerHead,
    pub capture: Capture,
    pub told: oneshot::Sender<Answered>,
}

/// What the client reads.
#[derive(Debug)]
pub enum ClientBody {
    Text(Option<Bytes>),
    Answer(Box<Passing>),
}

/// A side's answer passing to the client.
#[derive(Debug)]
pub struct Passing {
    /// Parts that were held back, to be sent first (in reverse order).
    held: Vec<Frame<Bytes>>,
    from: UpstreamBody,
    witness: Option<Witness>,
}

impl Passing {
    pub fn new(mut held: Vec<Frame<Bytes>>, from: UpstreamBody, witness: Option<Witness>) -> Self {
        held.reverse();
        let mut passing = Self { held, from, witness };
        passing.conclude_if_over();
        passing
    }

    fn is_over(&self) -> bool {
        self.held.is_empty() && self.from.ended
    }

    fn conclude_if_over(&mut self) {
        if self.is_over() {
            if let Some(witness) = self.witness.take() {
                let answered = witness.capture.finish(witness.head);
                let _ = witness.told.send(answered); // nobody listens any more only at the very end of a drain
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let next = match self.held.pop() {
            Some(frame) => Some(Ok(frame)),
            None if self.from.ended => None,
            None => std::task::ready!(self.from.poll_part(cx)),
        };
        match (&next, &mut self.witness) {
            (Some(Ok(frame)), Some(witness)) => witness.capture.keep(frame),
            (Some(Err(broken)), witness) => {
                if let Some(witness) = witness.take() {
                    let failed = Answered::Failed {
                        failure: broken.failure,
                        head: Some(witness.head),
                    };
                    let _ = witness.told.send(failed); // as above
                }
            }
            _ => {}
        }
        self.conclude_if_over();
        Poll::Ready(next)
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match self.get_mut() {
            ClientBody::Text(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            ClientBody::Answer(passing) => passing.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ClientBody::Text(text) => text.is_none(),
            ClientBody::Answer(passing) => passing.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ClientBody::Text(text) => SizeHint::with_exact(text.as_ref().map_or(0, |t| t.len() as u64)),
            ClientBody::Answer(passing) if passing.held.is_empty() => passing.from.size_hint(),
            // Held back only where `Content-Length` is known, and that header stays on the answer.
            ClientBody::Answer(_) => SizeHint::default(),
        }
    }
}

/// When a request was sent.
#[derive(Debug, Clone, Copy)]
pub struct Sent(Instant);

impl Sent {
    pub fn now() -> Self {
        Self(Instant::now())
    }

    pub fn took(self) -> Duration {
        self.0.elapsed()
    }
}
