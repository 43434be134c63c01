//! A request's body on its way to two sides.
//!
//! The *lead* reads the client's body at the pace of its own side and leaves each part in a buffer; the *follower* reads
//! the buffer. Over the cap, or when the lead ends early, the follower's body ends in an error and never in a clean end:
//! half an upload must not look like a whole one (proxy pitfalls, 15).

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use crate::budget::Share;
use crate::ledger::Outcome;

/// Why a body that we send to a side broke off.
#[derive(Debug, thiserror::Error)]
pub enum SendBodyError {
    #[error("the client's body broke off: {0}")]
    Client(#[from] hyper::Error),
    #[error("the client's body stood still for too long")]
    Stalled,
    #[error("the copy was given up")]
    Cut,
}

/// The body of a request to a side.
#[derive(Debug)]
pub enum ReqBody {
    Empty,
    Lead(Lead),
    Follow(Follow),
}

impl ReqBody {
    pub fn is_empty(&self) -> bool {
        matches!(self, ReqBody::Empty)
    }

    /// For timeouts: an upload that moves is not a side that hangs.
    pub fn progress(&self) -> Option<Rc<Progress>> {
        match self {
            ReqBody::Empty => None,
            ReqBody::Lead(lead) => Some(Rc::clone(&lead.0.progress)),
            ReqBody::Follow(follow) => Some(Rc::clone(&follow.upload.progress)),
        }
    }
}

/// How far the client's upload is.
#[derive(Debug)]
pub struct Progress {
    last: Cell<Instant>,
    waiting: Cell<bool>,
}

impl Progress {
    pub fn last(&self) -> Instant {
        self.last.get()
    }

    /// True while the client owes the next part.
    pub fn waits_for_client(&self) -> bool {
        self.waiting.get()
    }
}

/// The client's body and what has been read of it.
#[derive(Debug)]
pub struct Upload {
    progress: Rc<Progress>,
    hint: SizeHint,
    state: RefCell<UploadState>,
}

#[derive(Debug)]
struct UploadState {
    incoming: Incoming,
    /// None: no follower, nothing is kept.
    kept: Option<Kept>,
    end: End,
    lead_gone: bool,
    follower: Option<Waker>,
    /// How long the client may owe the next part.
    patience: Duration,
    stall: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
struct Kept {
    parts: Vec<Part>,
    bytes: usize,
    cap: usize,
    share: Share,
    /// The follower goes on by itself where the lead's side failed: it carries the rescue.
    takes_over: bool,
    /// The follower went on by itself: what it read is not in `parts`.
    torn: bool,
}

#[derive(Debug, Clone)]
enum Part {
    Data(Bytes),
    Trailers(HeaderMap),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    Whole,
    /// The follower gets an error; the outcome says why.
    Cut(Outcome),
}

impl Upload {
    /// For one side only.
    pub fn single(incoming: Incoming, patience: Duration) -> ReqBody {
        ReqBody::Lead(Lead(Self::new(incoming, patience, None)))
    }

    /// For both sides: the lead's and the follower's body, and a handle to ask for the bytes later.
    pub fn tee(
        incoming: Incoming,
        patience: Duration,
        cap: usize,
        share: Share,
        takes_over: bool,
    ) -> (ReqBody, ReqBody, Rc<Upload>) {
        let kept = Kept {
            parts: Vec::new(),
            bytes: 0,
            cap,
            share,
            takes_over,
            torn: false,
        };
        let upload = Self::new(incoming, patience, Some(kept));
        let follow = Follow {
            upload: Rc::clone(&upload),
            next: 0,
        };
        (ReqBody::Lead(Lead(Rc::clone(&upload))), ReqBody::Follow(follow), upload)
    }

    fn new(incoming: Incoming, patience: Duration, kept: Option<Kept>) -> Rc<Self> {
        let progress = Rc::new(Progress {
            last: Cell::new(Instant::now()),
            waiting: Cell::new(false),
        });
        let hint = incoming.size_hint();
        let state = UploadState {
            incoming,
            kept,
            end: End::Open,
            lead_gone: false,
            follower: None,
            patience,
            stall: None,
        };
        Rc::new(Self {
            progress,
            hint,
            state: RefCell::new(state),
        })
    }

    /// Why the copy's body was given up, if it was.
    pub fn cut(&self) -> Option<Outcome> {
        match self.state.borrow().end {
            End::Cut(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// The whole body, once it has been read and kept.
    pub fn whole(&self) -> Option<Bytes> {
        let state = self.state.borrow();
        let kept = state
            .kept
            .as_ref()
            .filter(|kept| state.end == End::Whole && !kept.torn)?;
        let data = |part: &Part| match part {
            Part::Data(data) => Some(data.clone()),
            Part::Trailers(_) => None,
        };
        Some(join(kept.parts.iter().filter_map(data), kept.bytes))
    }

    /// Reads on from the client.
    fn poll_client(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, SendBodyError>>> {
        let mut state = self.state.borrow_mut();
        let polled = Pin::new(&mut state.incoming).poll_frame(cx);
        self.progress.waiting.set(polled.is_pending());
        let Poll::Ready(read) = polled else {
            std::task::ready!(state.poll_stall(cx));
            state.finish(End::Cut(Outcome::ClientGone));
            return Poll::Ready(Some(Err(SendBodyError::Stalled)));
        };
        state.stall = None;
        self.progress.last.set(Instant::now());
        match &read {
            Some(Ok(frame)) => {
                state.keep(frame);
                if frame.is_trailers() || state.incoming.is_end_stream() {
                    state.finish(End::Whole); // a body of known length, or one with trailers, may never be polled again
                }
            }
            Some(Err(_)) => state.finish(End::Cut(Outcome::ClientGone)),
            None => state.finish(End::Whole),
        }
        Poll::Ready(read.map(|r| r.map_err(SendBodyError::from)))
    }
}

/// One piece, or all pieces in a row; a single piece is not copied.
pub fn join(mut pieces: impl Iterator<Item = Bytes>, bytes: usize) -> Bytes {
    let Some(first) = pieces.next() else {
        return Bytes::new();
    };
    if first.len() == bytes {
        return first;
    }
    let mut all = Vec::with_capacity(bytes);
    all.extend_from_slice(&first);
    pieces.for_each(|piece| all.extend_from_slice(&piece));
    Bytes::from(all)
}

impl UploadState {
    /// Ready when the client has owed the next part for too long.
    fn poll_stall(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let patience = self.patience;
        let stall = self.stall.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        stall.as_mut().poll(cx)
    }

    fn keep(&mut self, frame: &Frame<Bytes>) {
        let Some(kept) = self.kept.as_mut().filter(|_| self.end == End::Open) else {
            return;
        };
        if self.lead_gone {
            kept.torn = true; // straight to the follower, which nobody waits for to catch up
            return;
        }
        if let Some(data) = frame.data_ref() {
            if kept.bytes + data.len() > kept.cap {
                return self.finish(End::Cut(Outcome::RequestTooLarge));
            }
            if !kept.share.grow(data.len()) {
                return self.finish(End::Cut(Outcome::Overload));
            }
            kept.bytes += data.len();
            kept.parts.push(Part::Data(data.clone()));
        } else if let Some(trailers) = frame.trailers_ref() {
            kept.parts.push(Part::Trailers(trailers.clone()));
        }
        self.wake_follower();
    }

    fn finish(&mut self, end: End) {
        if self.end == End::Open {
            self.end = end;
            if let (End::Cut(_), Some(kept)) = (end, &mut self.kept) {
                kept.parts = Vec::new(); // nobody will read them
            }
        }
        self.wake_follower();
    }

    fn wake_follower(&mut self) {
        if let Some(waker) = self.follower.take() {
            waker.wake();
        }
    }
}

/// The body that reads the client.
#[derive(Debug)]
pub struct Lead(Rc<Upload>);

impl Drop for Lead {
    fn drop(&mut self) {
        let mut state = self.0.state.borrow_mut();
        if state.end != End::Open {
            return;
        }
        if state.incoming.is_end_stream() {
            state.finish(End::Whole);
        } else if state.kept.as_ref().is_some_and(|kept| kept.takes_over) {
            state.lead_gone = true;
            state.wake_follower();
        } else {
            // The lead's side answered before the upload ended, or failed: the copy has nothing to go on with.
            state.finish(End::Cut(Outcome::ClientGone));
        }
    }
}

/// The body that reads what the lead has left.
#[derive(Debug)]
pub struct Follow {
    upload: Rc<Upload>,
    next: usize,
}

impl Follow {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, SendBodyError>>> {
        let mut state = self.upload.state.borrow_mut();
        if let End::Cut(_) = state.end {
            return Poll::Ready(Some(Err(SendBodyError::Cut)));
        }
        let part = state.kept.as_ref().and_then(|kept| kept.parts.get(self.next)).cloned();
        if let Some(part) = part {
            self.next += 1;
            return Poll::Ready(Some(Ok(match part {
                Part::Data(data) => Frame::data(data),
                Part::Trailers(trailers) => Frame::trailers(trailers),
            })));
        }
        if state.end == End::Whole {
            return Poll::Ready(None);
        }
        if state.lead_gone {
            drop(state);
            return self.upload.poll_client(cx);
        }
        state.follower = Some(cx.waker().clone());
        Poll::Pending
    }

    fn is_end(&self) -> bool {
        let state = self.upload.state.borrow();
        state.end == End::Whole && state.kept.as_ref().is_none_or(|kept| kept.parts.len() == self.next)
    }
}

impl Body for ReqBody {
    type Data = Bytes;
    type Error = SendBodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, SendBodyError>>> {
        match self.get_mut() {
            ReqBody::Empty => Poll::Ready(None),
            ReqBody::Lead(lead) => lead.0.poll_client(cx),
            ReqBody::Follow(follow) => follow.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ReqBody::Empty => true,
            ReqBody::Lead(lead) => lead.0.state.borrow().incoming.is_end_stream(),
            ReqBody::Follow(follow) => follow.is_end(),
        }
    }

    /// What the client declared, exactly or not at all: hyper frames the message by it.
    fn size_hint(&self) -> SizeHint {
        match self {
            ReqBody::Empty => SizeHint::with_exact(0),
            ReqBody::Lead(Lead(upload)) | ReqBody::Follow(Follow { upload, .. }) => match upload.hint.exact() {
                Some(bytes) => SizeHint::with_exact(bytes),
                None => SizeHint::default(),
            },
        }
    }
}
