//! An answer's body on its way from a side to the client, with a copy taken as it passes.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};

use crate::answer::{AnswerHead, Answered};
use crate::budget::Share;
use crate::capture::Capture;
use crate::copying::{is_complete, Cut, Progress};
use crate::heard::Heard;
use crate::pool::Lease;
use crate::sides::Side;
use crate::state::State;
use crate::unread::Watched;
use crate::upstream_error::{classify, Failure};

/// Why an answer's body broke off. The client sees its connection closed: a truncated answer must not look whole.
#[derive(Debug, thiserror::Error)]
#[error("the {} side broke off its answer: {}", side.name(), failure.name())]
pub struct BrokenOff {
    side: Side,
    failure: Failure,
    /// The request's own body had broken off before.
    cut: Option<Cut>,
}

impl BrokenOff {
    pub fn failure(&self) -> Failure {
        self.failure
    }

    pub fn answered(&self, head: AnswerHead) -> Answered {
        match self.cut {
            Some(cut) => cut.into(),
            None => Answered::Failed {
                failure: self.failure,
                head: Some(head),
            },
        }
    }
}

/// A side's answer as it arrives. Gives its connection back at the end.
#[derive(Debug)]
pub struct UpstreamBody {
    incoming: Incoming,
    /// None for an upgrade that was refused: its connection ends with it.
    lease: Option<Lease>,
    /// The request's body, if it had one: it may still be on its way.
    upload: Option<Progress>,
    /// Whom to tell how it ends, where nobody else looks at it.
    heard: Option<Rc<Heard>>,
    state: Arc<State>,
    side: Side,
    idle: Duration,
    silence: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

impl UpstreamBody {
    pub fn new(incoming: Incoming, lease: Option<Lease>, state: &Arc<State>, side: Side) -> Self {
        let idle = state.idle();
        let mut body = Self {
            incoming,
            lease,
            upload: None,
            heard: None,
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

    /// What it is the answer to: the method, and the body if there is one, which may still be on its way.
    pub fn answer_to(mut self, method: &Method, status: StatusCode, upload: Option<Progress>) -> Self {
        if has_no_body(method, status) {
            self.end();
        }
        if let Some(upload) = upload.filter(|_| !self.ended) {
            upload.answering(true);
            self.upload = Some(upload);
        }
        self
    }

    /// Tells `heard` how it ends.
    pub fn tell(&mut self, heard: &Rc<Heard>) {
        if self.ended {
            heard.over();
        } else {
            self.heard = Some(Rc::clone(heard));
        }
    }

    fn end(&mut self) {
        self.ended = true;
        self.let_upload_go();
        if let Some(heard) = self.heard.take() {
            heard.over();
        }
        if let Some(lease) = self.lease.take() {
            lease.end();
        }
    }

    fn let_upload_go(&mut self) {
        if let Some(upload) = self.upload.take() {
            upload.answering(false);
        }
    }

    /// True if all of it has been read.
    pub fn is_over(&self) -> bool {
        self.ended
    }

    /// True if nothing that is compared can be missing any more.
    fn is_complete(&self) -> bool {
        self.ended || is_complete(&self.incoming)
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
        let cut = self.upload.as_ref().and_then(Progress::cut);
        self.let_upload_go();
        if cut.is_none() {
            if let Some(lease) = self.lease.take() {
                lease.break_off(failure);
            }
            if let Some(heard) = self.heard.take() {
                heard.broke_alone(self.side);
            }
            let counts = &self.state.sides[self.side];
            counts.truncated.fetch_add(1, Relaxed);
            counts.failures.of(failure).fetch_add(1, Relaxed);
        }
        BrokenOff {
            side: self.side,
            failure,
            cut,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }

    /// The declared length, if there is one.
    pub fn exact_length(&self) -> Option<u64> {
        self.incoming.size_hint().exact()
    }

    /// Reads to the end, or until `capture` keeps no more.
    pub async fn read_into(&mut self, capture: &mut Capture) -> Result<(), BrokenOff> {
        while !self.is_complete() {
            match self.part().await {
                Some(part) => {
                    if capture.keep(&part?).is_err() {
                        break; // it knows why
                    }
                }
                None => break,
            }
        }
        Ok(())
    }

    /// The next part; none at the end.
    pub async fn part(&mut self) -> Option<Result<Frame<Bytes>, BrokenOff>> {
        std::future::poll_fn(|cx| self.poll_part(cx)).await
    }

    /// Reads a short body to its end before anything of it goes on, so that a break in the middle can still be rescued. The
    /// client has seen nothing yet, so the side may be silent for no longer than `patience`, as before its head; and what
    /// comes steadily must be whole within the time for which a side may be silent otherwise: one that drips it is as good
    /// as broken.
    pub async fn hold(&mut self, patience: Duration) -> Result<HeldBack, Failure> {
        let most = self.idle;
        self.idle = most.min(patience);
        let read = tokio::time::timeout(most, self.read()).await;
        self.idle = most;
        match read {
            Ok(read) => read.map_err(|broken| broken.failure),
            Err(_) => Err(self.broken(Failure::Timeout).failure),
        }
    }

    async fn read(&mut self) -> Result<HeldBack, BrokenOff> {
        let mut data = Vec::new(); // in one piece, as each part would hold a read buffer
        let mut trailers = None;
        while !self.ended {
            match self.part().await {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(part) => data.extend_from_slice(&part),
                    Err(frame) => trailers = frame.into_trailers().ok(),
                },
                Some(Err(broken)) => return Err(broken),
                None => break,
            }
        }
        let data = (!data.is_empty()).then(|| Frame::data(data.into()));
        Ok(HeldBack {
            frames: data.into_iter().chain(trailers.map(Frame::trailers)).collect(),
            memory: None,
        })
    }
}

impl Drop for UpstreamBody {
    fn drop(&mut self) {
        self.let_upload_go();
    }
}

/// Answers that end with their head, whatever it says of a length (RFC 9110, section 6.4.1).
fn has_no_body(method: &Method, status: StatusCode) -> bool {
    *method == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
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
    Watched(Watched),
}

/// Why the client's answer ends before its end.
#[derive(Debug, thiserror::Error)]
pub enum ClientBodyError {
    #[error(transparent)]
    BrokenOff(#[from] BrokenOff),
    #[error("the client did not read its answer")]
    Unread,
}

impl ClientBody {
    /// Gives the answer up if the client does not ask for its next part for as long as `patience`.
    pub fn watch(self, patience: Duration) -> Self {
        match self {
            ClientBody::Answer(passing) if !passing.is_over() => ClientBody::Watched(Watched::new(passing, patience)),
            body => body,
        }
    }
}

/// What was read of an answer before any of it went on.
#[derive(Debug, Default)]
pub struct HeldBack {
    pub frames: Vec<Frame<Bytes>>,
    /// What the frames have reserved, where they may be many.
    pub memory: Option<Share>,
}

/// A side's answer passing to the client.
#[derive(Debug)]
pub struct Passing {
    /// Parts that were held back, to be sent first (in reverse order).
    held: HeldBack,
    from: UpstreamBody,
    witness: Option<Witness>,
}

impl Passing {
    pub fn new(mut held: HeldBack, from: UpstreamBody, witness: Option<Witness>) -> Self {
        held.frames.reverse();
        let mut passing = Self { held, from, witness };
        passing.conclude_if_over();
        passing
    }

    pub fn is_over(&self) -> bool {
        self.held.frames.is_empty() && self.from.ended
    }

    pub fn size_hint(&self) -> SizeHint {
        if self.held.frames.is_empty() {
            self.from.size_hint()
        } else {
            SizeHint::default() // held back only where `Content-Length` is known, and that header stays on the answer
        }
    }

    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let next = match self.held.frames.pop() {
            Some(frame) => Some(Ok(frame)),
            None => {
                self.held.memory = None;
                if self.from.ended {
                    None
                } else {
                    std::task::ready!(self.from.poll_part(cx))
                }
            }
        };
        match &next {
            Some(Ok(frame)) => {
                let kept = self
                    .witness
                    .as_mut()
                    .map_or(Ok(()), |witness| witness.capture.keep(frame));
                if kept.is_err() {
                    self.conclude(Capture::finish); // now: the client may read on for hours
                }
            }
            Some(Err(broken)) => self.conclude(|_, head| broken.answered(head)),
            None => {}
        }
        self.conclude_if_over();
        Poll::Ready(next)
    }

    fn conclude_if_over(&mut self) {
        if self.held.frames.is_empty() && self.from.is_complete() {
            self.conclude(Capture::finish);
        }
    }

    fn conclude(&mut self, how: impl FnOnce(Capture, AnswerHead) -> Answered) {
        if let Some(Witness { head, capture, told }) = self.witness.take() {
            let _ = told.send(how(capture, head)); // nobody listens any more only at the very end of a drain
        }
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = ClientBodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ClientBodyError>>> {
        match self.get_mut() {
            ClientBody::Text(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            ClientBody::Answer(passing) => passing.poll(cx).map_err(ClientBodyError::from),
            ClientBody::Watched(watched) => watched.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ClientBody::Text(text) => text.is_none(),
            ClientBody::Answer(passing) => passing.is_over(),
            ClientBody::Watched(watched) => watched.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ClientBody::Text(text) => SizeHint::with_exact(text.as_ref().map_or(0, |t| t.len() as u64)),
            ClientBody::Answer(passing) => passing.size_hint(),
            ClientBody::Watched(watched) => watched.size_hint(),
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

    pub fn at(self) -> std::time::Instant {
        self.0.into_std()
    }

    pub fn took(self) -> Duration {
        self.0.elapsed()
    }
}
